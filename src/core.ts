/**
 * All of the program that needs no disk and no process: it runs in Deno, in a page and in a worker. What surrounds a
 * run is given to it by a {@linkcode RunHost}; `memoryHost` is one without files. `mod.ts` has the same with the
 * files of a Deno process around it.
 *
 * ```ts ignore
 * const config = resolveConfig(options);
 * const summary = await driveRun(config, memoryHost({ emit: (event) => postMessage(event) }));
 * ```
 *
 * @module
 */

export { InputError } from "./errors.ts";
export { Random } from "./random.ts";
export {
  type AdapterDescription,
  DeviceError,
  Gpu,
  openGpu,
  type OpenOptions,
} from "./gpu/device.ts";
export type { Dialect } from "./gpu/dialect.ts";
export type { ProviderName } from "./gpu/provider.ts";
export {
  decodeSafetensors,
  encodeSafetensors,
  type HostTensor,
  type SafetensorsFile,
  type WrittenTensor,
} from "./net/safetensors.ts";
export {
  ContinualLearner,
  type HeldPictures,
  type LearnerHost,
  type NightOutcome,
  type Observed,
  type Waiting,
} from "./continual/continual_learner.ts";
export type { DreamImages, NewLearner } from "./continual/birth.ts";
export type { Given } from "./continual/given.ts";
export type { ExamResult } from "./continual/examine.ts";
export type { Forgetting } from "./continual/forgetting.ts";
export { dayBundles } from "./continual/day.ts";
export { copyDay, forkLearner } from "./continual/fork.ts";
export type { ExamPicture } from "./continual/generation.ts";
export { packLearner, unpackLearner } from "./continual/learner_file.ts";
export type { NightWatch, SeenPicture } from "./continual/watch.ts";
export type { StepLoss, StepPhase } from "./learner/options.ts";
export type { Answer, Sight } from "./continual/answers.ts";
export type { Picture, PictureFacts } from "./continual/pictures.ts";
export type { Prediction } from "./continual/predictor.ts";
export type * from "./continual/record.ts";
export type { FreezingChoice } from "./method/freezing.ts";
export type { LearnerSettings } from "./continual/settings.ts";
export type { Start } from "./continual/start.ts";
export type { DreamSet, KnownClass, LearnerState, MemoryState, Stream } from "./continual/state.ts";
export {
  copyStore,
  type Files,
  type LearnerStore,
  MemoryLearnerStore,
  type Shelf,
} from "./continual/store.ts";
export { drawImages } from "./images/drawn.ts";
export { coverLanczos } from "./images/resize_lanczos.ts";
export { type RgbImage, withoutAlpha } from "./images/rgb_image.ts";
export type { Dataset, ImageSet, Progress } from "./images/image_set.ts";
export type * from "./images/source.ts";
export type { TaskSplit } from "./images/task_stream.ts";
export type { TensorSegment, TensorStepResult } from "./learner/tensor_steps.ts";
export { Trainer, type TrainerOptions } from "./learner/trainer.ts";
export { resolveConfig } from "./experiment/config.ts";
export type * from "./experiment/config_types.ts";
export type { Override } from "./experiment/overrides.ts";
export { divide, type OpenedImages, wantsDreams } from "./experiment/divide.ts";
export type { Materials } from "./experiment/materials.ts";
export { openDrawn } from "./experiment/open_drawn.ts";
export { driveRun } from "./experiment/run.ts";
export type {
  KernelHooks,
  OpeningHooks,
  OwnKernels,
  RunHost,
  RunStore,
  RunTells,
} from "./experiment/run_host.ts";
export { memoryHost, MemoryStore } from "./experiment/run_in_memory.ts";
export type * from "./experiment/checkpoint.ts";
export type * from "./experiment/events.ts";
export type * from "./experiment/summary.ts";
