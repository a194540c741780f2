/// <reference path="./webgpu.d.ts" />
import type {
  DatedRecord,
  LearnerSettings,
  NightOutcome,
  Prediction,
  RunEvent,
  SeenPicture,
  StepLoss,
} from "../src/core.ts";

// What page and worker tell each other. A request has one answer; news come at any time.

/** Which learner: the one that is kept in this browser, or one that only plays. */
export type Place = "kept" | "demo";

/** What a new learner is made of. */
export interface Wishes extends
  Partial<
    Pick<
      LearnerSettings,
      "size" | "width" | "maxClasses" | "memory" | "dreams" | "seed" | "changed"
    >
  > {
  /** Begins with the small start that comes with the page. */
  readonly start: boolean;
  /** Dreams of drawn figures that it is never taught: how many classes of them. */
  readonly drawnDreams?: number;
}

/** A picture to learn or to ask about. */
export interface GivenPicture {
  /** A file of any kind that the browser decodes, a frame of the camera, or pixels of the learner's size. */
  readonly image: Blob | ImageBitmap | Uint8Array<ArrayBuffer>;
  /** Its name, for messages. */
  readonly from: string;
}

/** Requests: what is asked for, and what comes back. */
export interface Requests {
  /** Opens the learner that is kept; null: there is none yet. */
  open: { asked: Record<never, never>; answer: View | null };
  /** The same, and makes one where there is none. */
  begin: { asked: { wishes: Wishes }; answer: View };
  /** Makes a learner in the place of the one that is kept; where that is in the way, nothing is done unless `sure`. */
  create: { asked: { wishes: Wishes; sure: boolean }; answer: View | InTheWay };
  /** The same with the learner of a file. */
  load: { asked: { file: Blob; name: string; sure: boolean }; answer: View | InTheWay };
  /** Makes a learner that is gone when another one is opened or made; the one that is kept stays as it is. */
  demo: { asked: { wishes: Wishes }; answer: View };
  /** Pictures of one class for the next night of the learner that is at `place`; refused where it is another's. */
  teach: {
    asked: { place: Place; name: string; pictures: readonly GivenPicture[] };
    answer: Taught;
  };
  /** A night, and the one of its twin; `accept`: takes what it makes, however its exam goes. */
  sleep: { asked: { accept: boolean }; answer: NightOutcome };
  /** What is there now. */
  look: { asked: Record<never, never>; answer: View };
  /** Takes the night that was refused. */
  accept: { asked: Record<never, never>; answer: View };
  /** Lets go of what waits. */
  discard: { asked: Record<never, never>; answer: View };
  forget: { asked: { name: string }; answer: View };
  predict: { asked: GivenPicture; answer: Seen };
  /** The learner as a file. */
  save: { asked: Record<never, never>; answer: Uint8Array<ArrayBuffer> };
  /** Drawn pictures, the same each time. */
  draw: { asked: { name: string; count: number; part: "train" | "test" }; answer: Drawn };
}

export type RequestName = keyof Requests;

/** Page to worker. */
export type ToWorker =
  | { [N in RequestName]: { id: number; name: N; asked: Requests[N]["asked"] } }[RequestName]
  /** Ends the night, saved. */
  | { name: "stop" };

/** Worker to page. */
export type FromWorker =
  | { readonly id: number; readonly answer: unknown }
  | { readonly id: number; readonly error: { readonly name: string; readonly message: string } }
  | { readonly news: News };

/** Which of the two learners something is about: the learner, or its fine-tuned twin. */
export type Who = "learner" | "twin";

export type News =
  /** Another tab has the learner: this one waits for it. */
  | { readonly kind: "elsewhere" }
  | { readonly kind: "view"; readonly view: View }
  | { readonly kind: "event"; readonly who: Who; readonly event: RunEvent }
  | { readonly kind: "losses"; readonly who: Who; readonly losses: readonly StepLoss[] }
  | { readonly kind: "pictures"; readonly pictures: readonly SeenPicture[] };

/** A kept learner that another one would take the place of. */
export interface InTheWay {
  /** The classes that it was taught; none where it is damaged. */
  readonly inTheWay: readonly string[];
}

/** What became of pictures. */
export interface Taught {
  readonly kept: number;
  readonly known: number;
  /** Messages about those that could not be read. */
  readonly failed: readonly string[];
  readonly view: View;
}

/** What both learners see in a picture. */
export interface Seen {
  readonly learner: Prediction;
  readonly twin: Prediction | null;
  /** RGB bytes, `[size, size, 3]`: the picture as the network has it. */
  readonly pixels: Uint8Array;
}

export interface Drawn {
  readonly pixels: readonly Uint8Array<ArrayBuffer>[];
}

/** Images that were asked, and those of them that were answered right. */
export interface Score {
  readonly images: number;
  readonly right: number;
}

export interface ClassView {
  readonly name: string;
  /** Images for the next night. */
  readonly waiting: number;
  /** Images that it was ever taught. */
  readonly taught: number;
  readonly remembered: number;
  readonly exam: Score | null;
  /** Some of its pictures, those that wait first. */
  readonly pictures: readonly Uint8Array[];
}

/** A night that was kept, with the exam behind it. */
export interface NightView {
  readonly record: DatedRecord;
  /** Of the twin, class by class, on the same images; null: it has not had this night, or another exam. */
  readonly twin: ReadonlyMap<string, Score> | null;
}

/** All that the page shows of a learner. */
export interface View {
  readonly place: Place;
  readonly settings: LearnerSettings;
  readonly classes: readonly ClassView[];
  readonly nights: readonly NightView[];
  /** Images of the long-term memory. */
  readonly remembered: number;
  readonly waiting: {
    readonly images: number;
    /** A night that was interrupted. */
    readonly night: boolean;
    /** The record of a night that was refused. */
    readonly refused: DatedRecord | null;
    /** The twin has not had the last night. */
    readonly twin: boolean;
  };
  /** What of the new classes keeps it from sleeping; null: nothing. */
  readonly missing: string | null;
}
