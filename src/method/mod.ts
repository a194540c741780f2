/**
 * What a method of one's own is made of: see `docs/methods.md`.
 *
 * @module
 */

export { NOTHING_NEEDED } from "./methods.ts";
export type { LearnContext, Method, MethodConfig, MethodNeeds, OwnOptions } from "./methods.ts";
export type { Distillation, Sample, SampleSource, Segment } from "../learner/batch.ts";
export { aceOpenHeads } from "./ace.ts";
export { offerToMemory } from "./replay.ts";
export { batchesOf, plainSegment, replaySegment, shuffled } from "./session.ts";
export type { MethodRandom, Session, Task } from "./session.ts";
export type { MethodOptions } from "./options.ts";
