import { type DerppOptions, derppStepWith, learnDerpp } from "./derpp.ts";
import { erStep, learnEr } from "./er.ts";
import { erAceStep, learnErAce } from "./er_ace.ts";
import { learnFinetune } from "./finetune.ts";
import type { FreezingChoice } from "./freezing.ts";
import { learnMerged, type MergedOptions } from "./merged.ts";
import type { ReplayStep, SeenHeads } from "./replay.ts";
import type { Session, Task } from "./session.ts";
import { learnStaged } from "./wscl.ts";

/** What of a configuration decides what a method is; see the keys of the same names. */
export interface MethodConfig {
  readonly method: string;
  readonly methodOptions: OwnOptions;
  readonly wscl: {
    readonly base: string;
    readonly schedule: "staged" | "merged";
    readonly freezing: boolean;
    readonly nrem: boolean;
    readonly rem: boolean;
    readonly dreamsFrom: "images" | "memory";
    readonly headAssignment: boolean;
    readonly wakeReplay: boolean;
  };
  readonly derpp: DerppOptions;
  readonly freezing: { readonly maxBlocks: number };
}

/** Options of a method of one's own: plain values by name. */
export type OwnOptions = Readonly<Record<string, number | boolean | string>>;

/** What a method needs of a run: all that is allocated, opened or divided for it follows from this. */
export interface MethodNeeds {
  /** Replayed batches in a step, beside that of the stream; 0: it has no long-term memory. */
  readonly replays: number;
  /** It remembers logits with the images of the long-term memory. */
  readonly logits: boolean;
  /** It has a short-term memory. */
  readonly shortTerm: boolean;
  /** It dreams of auxiliary images, which are opened for it. */
  readonly dreams: boolean;
  /** New classes take the heads that answer to them; else the next free ones. */
  readonly votes: boolean;
  /**
   * It searches for what to freeze. Candidates are judged on validation images and on what is older: a `share` of the
   * long-term memory, or images of the previous task kept in a `buffer`. Copies at the same time: `copies` of the
   * network, `memories` of the long-term memory (default: none).
   */
  readonly freezing: {
    readonly judges: "share" | "buffer";
    readonly copies: number;
    readonly memories?: number;
  } | null;
  /** It learns all tasks at once: the upper bound. */
  readonly jointly: boolean;
  /** Passes over the stream are those of the wake epoch and the nights, not the configured epochs. */
  readonly sleeps: boolean;
}

/** What a method is given beside session and task. */
export interface LearnContext {
  readonly config: MethodConfig;
  /** Labels met so far in this run, dreams included; the official ER-ACE mask depends on them. */
  readonly seen: SeenHeads;
  /** Awaited between two epochs of the merged schedule. */
  readonly betweenEpochs?: MergedOptions["betweenEpochs"];
}

/** A continual-learning method: a record that answers every question that a run has about it. */
export interface Method {
  /** Its value of the key `method`, and its name in tables. */
  readonly name: string;
  /** Default values of its `methodOptions`; only methods of one's own have any, the others have sections. */
  readonly options?: OwnOptions;
  readonly needs: (config: MethodConfig) => MethodNeeds;
  /** Learns one task; resolves with what it froze, if it searched for it. */
  readonly learn: (
    session: Session,
    task: Task,
    context: LearnContext,
  ) => Promise<FreezingChoice | null | void>;
  /** The training step on a batch of the stream, where `wscl` can be built on it. */
  readonly step?: (config: MethodConfig) => ReplayStep;
}

/** A method that needs nothing but its stream. */
export const NOTHING_NEEDED: MethodNeeds = {
  replays: 0,
  logits: false,
  shortTerm: false,
  dreams: false,
  votes: false,
  freezing: null,
  jointly: false,
  sleeps: false,
};

const erAce: Method = {
  name: "er_ace",
  needs: () => ({ ...NOTHING_NEEDED, replays: 1 }),
  learn: (session, task, { seen }) => learnErAce(session, task, seen),
  step: () => erAceStep,
};

const er: Method = {
  name: "er",
  needs: () => ({ ...NOTHING_NEEDED, replays: 1 }),
  learn: (session, task) => learnEr(session, task),
  step: () => erStep,
};

const derpp: Method = {
  name: "derpp",
  needs: () => ({ ...NOTHING_NEEDED, replays: 2, logits: true }),
  learn: (session, task, { config }) => learnDerpp(session, task, config.derpp),
  step: ({ derpp }) => derppStepWith(derpp),
};

const finetune: Method = {
  name: "finetune",
  needs: () => NOTHING_NEEDED,
  learn: (session, task) => learnFinetune(session, task, "stream"),
};

const joint: Method = {
  name: "joint",
  needs: () => ({ ...NOTHING_NEEDED, jointly: true }),
  learn: (session, task) => learnFinetune(session, task, "joint"),
};

const wscl: Method = {
  name: "wscl",
  needs({ wscl, freezing: { maxBlocks } }) {
    const staged = wscl.schedule === "staged";
    const { replays, logits } = baseOf(wscl.base).needs({} as MethodConfig);
    return {
      replays,
      logits,
      shortTerm: staged,
      dreams: wscl.rem && wscl.dreamsFrom === "images",
      votes: wscl.headAssignment,
      // Side by side, each candidate has its copy; one after the other, there are the start and the best, and the memory
      // as it was before and behind the first.
      freezing: !wscl.freezing
        ? null
        : staged
        ? { judges: "share", copies: maxBlocks + 1 }
        : { judges: "buffer", copies: 2, memories: 2 },
      jointly: false,
      sleeps: staged,
    };
  },
  learn: (session, task, { config, seen, betweenEpochs }) =>
    config.wscl.schedule === "staged"
      ? learnStaged(session, task)
      : learnMerged(session, task, seen, { step: baseStep(config), betweenEpochs }),
};

/** The methods of the program, in the order in which they are listed. */
export const METHODS: readonly Method[] = [wscl, erAce, er, derpp, finetune, joint];

/** Names of the methods that `wscl` can be built on. */
export const BASES: readonly string[] = METHODS.filter(({ step }) => step).map(({ name }) => name);

/** Methods of one's own, by the value of `method` that names their module. */
const own = new Map<string, Method>();

/** Whether a value of `method` names a module: a path or an address, not a method of the program. */
export function isOwnMethod(name: string): boolean {
  return /[/\\]|\.[jt]s$/.test(name);
}

/** Makes the method that a module exports known under the module's name. */
export function registerMethod(module: string, method: Method): void {
  own.set(module, method);
}

/**
 * The method of a configuration.
 *
 * @throws {RangeError} for a name that is no method's, or a module that has not been loaded.
 */
export function methodOf({ method: name }: Pick<MethodConfig, "method">): Method {
  const found = METHODS.find((method) => method.name === name) ?? own.get(name);
  if (!found) throw new RangeError(`Cannot find the method ${name}: no method has this name`);
  return found;
}

/** What the method of a configuration needs of a run. */
export function needsOf(config: MethodConfig): MethodNeeds {
  return methodOf(config).needs(config);
}

/** The step that the merged schedule of `wscl` is built on. */
export function baseStep(config: MethodConfig): ReplayStep {
  return baseOf(config.wscl.base).step!(config);
}

function baseOf(name: string): Method {
  return METHODS.find((method) => method.name === name && method.step)!;
}
