import * as v from "valibot";

// What requests must be and answers are. The checks use these, and the OpenAPI document is made from them.

const count = v.pipe(v.number(), v.integer(), v.minValue(0));
const digest = v.pipe(
  v.string(),
  v.regex(/^[0-9a-f]{64}$/, "Expected a SHA-256 digest: 64 hexadecimal digits"),
  v.description("SHA-256 of the pixels as the learner sees them; what POST /v1/episodes answers"),
);
const generation = v.pipe(count, v.description("Dawns so far: the learner that answers"));

/** Most images of a request. */
export const MOST_IMAGES = 64;
/** Most classes that are told of an image. */
export const MOST_TOP = 1000;

/** The name of a class, as it may be sent. */
export const label = v.pipe(
  v.string(),
  v.minLength(1, "Expected a name"),
  v.maxLength(200, "Expected a name of at most 200 characters"),
  // deno-lint-ignore no-control-regex
  v.regex(/^[^\x00-\x1f\x7f]*$/, "Expected a name without control characters"),
  v.description("Name of the class"),
);

const image = v.pipe(
  v.string(),
  v.minLength(1, "Expected an image"),
  v.description("A JPEG or PNG file in base64; a data: URL is taken as well"),
);

/** How many classes are told of each image, as a number. */
export const top = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(MOST_TOP));

/** Body of `POST /v1/predict` as JSON. */
export const predictBody = v.strictObject({
  images: v.pipe(
    v.array(image),
    v.minLength(1, "Expected an image"),
    v.maxLength(MOST_IMAGES, `Expected at most ${MOST_IMAGES} images`),
  ),
  top: v.optional(v.pipe(top, v.description("Classes that are told of each image; default 3"))),
});

/** Body of `POST /v1/episodes` as JSON. */
export const episodeBody = v.strictObject({
  image,
  label,
  from: v.optional(
    v.pipe(v.string(), v.maxLength(500), v.description("Where it came from, for the record")),
  ),
});

/** Body of `PATCH /v1/episodes/:digest`. */
export const changeBody = v.strictObject({ label });

/** `:digest` in a path. */
export const digestParam = digest;

/** An idempotency key. */
export const idempotencyKey = v.pipe(
  v.string(),
  v.regex(
    /^[\x21-\x7e]{1,200}$/,
    "Expected an Idempotency-Key of 1 to 200 visible ASCII characters",
  ),
);

/** Body of `POST /v1/sleep`; may be left out. */
export const sleepBody = v.strictObject({
  accept: v.optional(
    v.pipe(
      v.boolean(),
      v.description(
        "Take what the night makes, or the one that was refused, however its exam goes",
      ),
    ),
  ),
  discard: v.optional(
    v.pipe(
      v.boolean(),
      v.description("Let go of a night that was refused or interrupted, and its images"),
    ),
  ),
});

/** Body of `POST /v1/snapshot`; may be left out. */
export const snapshotBody = v.strictObject({
  takeOver: v.optional(
    v.pipe(v.boolean(), v.description("Replace what another service has put there since")),
  ),
});

const prediction = v.object({
  class: v.pipe(v.nullable(v.string()), v.description("The likeliest class; null: none of these")),
  familiarity: v.number(),
  answers: v.array(v.object({ class: v.string(), probability: v.number() })),
});

/** Answer of `POST /v1/predict`. */
export const predictAnswer = v.object({ generation, predictions: v.array(prediction) });

/** What is answered of an episode. */
export const episodeAnswer = v.object({
  digest,
  label: v.string(),
  status: v.pipe(
    v.picklist(["waiting", "night", "remembered", "exam", "learned", "changing", "forgotten"]),
    v.description(
      "waiting: for the next night; night: taken by one that goes on or will; remembered, exam: learned and held as " +
        "such; learned: from which it has learned, and whose pixels it no longer holds; changing: when the night has ended; forgotten: gone",
    ),
  ),
});

/** Answer of `POST /v1/sleep`. */
export const sleepAnswer = v.object({
  night: v.nullable(count),
  status: v.picklist(["asleep", "queued", "accepted", "discarded"]),
  images: count,
  held: v.pipe(
    v.record(v.string(), count),
    v.description(
      "Images that cannot be learned yet, of new classes that are too few or have no room: they wait",
    ),
  ),
});

const marks = v.object({ images: count, right: count });

/** Answer of `GET /v1/classes`. */
export const classesAnswer = v.object({
  generation,
  classes: v.array(v.object({
    name: v.string(),
    known: v.boolean(),
    taught: count,
    remembered: count,
    exam: v.nullable(marks),
    waiting: count,
  })),
});

/** Answer of `GET /v1/nights`. */
export const nightsAnswer = v.object({
  generation,
  asleep: v.nullable(v.object({ night: count, phase: v.string() })),
  refused: v.pipe(v.boolean(), v.description("A night was refused at dawn, and waits")),
  asked: v.array(v.object({
    id: count,
    phase: v.picklist(["asked", "day", "kept", "refused", "impossible"]),
    why: v.picklist(["request", "idle", "schedule"]),
    message: v.nullable(v.string()),
  })),
  nights: v.pipe(
    v.array(v.looseObject({
      night: count,
      generation: count,
      passed: v.boolean(),
      at: v.string(),
      seconds: v.number(),
    })),
    v.description("Lines of the learner's history (docs/learner.md), oldest first"),
  ),
});

/** Answer of `GET /v1/exam`. */
export const examAnswer = v.object({
  generation,
  classes: v.array(v.string()),
  confusion: v.pipe(v.array(v.array(count)), v.description("[asked][answered], images")),
  none: v.array(count),
  images: count,
  right: count,
});

/** Answer of `POST /v1/snapshot`. */
export const snapshotAnswer = v.object({ generation, bytes: count, tag: v.string() });

/** Answer of `POST /v1/restore`. */
export const restoreAnswer = v.object({ generation });

/** Answer of `GET /healthz`. */
export const healthAnswer = v.object({ status: v.literal("ok") });

/** Answer of `GET /readyz`. */
export const readyAnswer = v.object({
  ready: v.boolean(),
  problem: v.nullable(v.string()),
});

/** Whatever is refused. */
export const problemAnswer = v.object({
  error: v.pipe(v.string(), v.description("What was found, and what to do")),
});
