/**
 * Wake-Sleep Consolidated Learning on WebGPU: a continual-learning trainer for image classifiers, with hand-written
 * WGSL kernels. Open a device, build a network, drive single training steps on given tensors, or run a whole experiment.
 *
 * One training step of a narrow ResNet-18 on two random images:
 *
 * ```ts
 * import { openGpu, Random, Trainer } from "./mod.ts";
 *
 * const gpu = await openGpu();
 * const sizes = { width: 8, heads: 10, height: 16, imageWidth: 16, maxRows: 2 };
 * const trainer = new Trainer(gpu, { ...sizes, learningRate: 0.03 });
 * const random = Random.stream(0, "inputs");
 * const inputs = Float32Array.from({ length: 2 * 3 * 16 * 16 }, () => random.normal());
 * const open = new Set(Array(10).keys()); // heads that take part in the softmax
 * const { loss } = await trainer.step([{ inputs, labels: [3, 7], open }]);
 * console.log("loss before the step", loss);
 * console.log("logits after it", await trainer.infer(inputs));
 * trainer.destroy();
 * gpu.destroy();
 * ```
 *
 * A whole experiment, in a worker, from a configuration file:
 *
 * ```ts ignore
 * const config = await loadConfig("configs/demo.json");
 * const summary = await launch(config, { dataRoot: "data", cacheDir: ".cache", out: "runs/mine", init: null });
 * ```
 *
 * A learner that is kept, taught class by class, in a folder:
 *
 * ```ts ignore
 * const host = learnerHost({ cacheDir: ".cache" });
 * const learner = await ContinualLearner.create(new LearnerFolder("pets"), { settings: { size: 32 } }, host);
 * await learner.observe(cats, "cat"); // RGB bytes, 32 x 32 x 3 each
 * await learner.observe(dogs, "dog");
 * await learner.sleep();
 * const [{ answers, none }] = await learner.predict([pixels]);
 * ```
 *
 * @module
 */

export { InputError } from "./src/errors.ts";
export type { AdapterDescription, Gpu } from "./src/gpu/device.ts";
export { openGpu, type OpenOptions } from "./src/host/open_gpu.ts";
export type { Dialect } from "./src/gpu/dialect.ts";
export type { ProviderName } from "./src/gpu/provider.ts";
export { Trainer, type TrainerOptions } from "./src/learner/trainer.ts";
export type { TensorSegment, TensorStepResult } from "./src/learner/tensor_steps.ts";
export type { HostTensor, SafetensorsFile } from "./src/net/safetensors.ts";
export { readSafetensors, writeSafetensors } from "./src/host/safetensors_files.ts";
export { resolveConfig } from "./src/experiment/config.ts";
export { loadConfig } from "./src/host/load_config.ts";
export type { Override } from "./src/experiment/overrides.ts";
export type * from "./src/experiment/config_types.ts";
export type {
  Cifar100Source,
  Cifar10Source,
  ClassItem,
  Core50Source,
  DrawnFigures,
  DrawnSource,
  FolderSource,
  IdxSource,
  ImageFolderSource,
  PictureSource,
  Resize,
  SourceOptions,
} from "./src/images/source.ts";
export {
  ContinualLearner,
  type HeldPictures,
  type LearnerHost,
  type NightOutcome,
  type Observed,
  type Waiting,
} from "./src/continual/continual_learner.ts";
export type { DreamImages, NewLearner } from "./src/continual/birth.ts";
export type { ImageInfo, ImageSet } from "./src/images/image_set.ts";
export type { Given } from "./src/continual/given.ts";
export type { ExamResult } from "./src/continual/examine.ts";
export type { Forgetting } from "./src/continual/forgetting.ts";
export type { ExamPicture } from "./src/continual/generation.ts";
export { packLearner, unpackLearner } from "./src/continual/learner_file.ts";
export type { NightWatch, SeenPicture } from "./src/continual/watch.ts";
export type { StepLoss, StepPhase } from "./src/learner/options.ts";
export type { Answer, Sight } from "./src/continual/answers.ts";
export type { Picture, PictureFacts } from "./src/continual/pictures.ts";
export type { Prediction } from "./src/continual/predictor.ts";
export type * from "./src/continual/record.ts";
export type { FreezingChoice } from "./src/method/freezing.ts";
export type { LearnerSettings } from "./src/continual/settings.ts";
export type { Start } from "./src/continual/start.ts";
export type {
  DreamSet,
  KnownClass,
  LearnerState,
  MemoryState,
  Stream,
} from "./src/continual/state.ts";
export { type Files, type LearnerStore, type Shelf } from "./src/continual/store.ts";
export { MemoryLearnerStore } from "./src/continual/store.ts";
export { LearnerFolder, lockLearner } from "./src/host/learner_folder.ts";
export { learnerHost, type LearnerSafety } from "./src/host/learner_host.ts";
export { launch, type LaunchOptions } from "./src/host/launch.ts";
export { runExperiment } from "./src/host/run.ts";
export type { CheckpointEvery } from "./src/experiment/checkpoint.ts";
export type { RunTells } from "./src/experiment/run_host.ts";
export type {
  RunOptions,
  RunPaths,
  RunPlace,
  RunSafety,
  RunWatch,
} from "./src/host/worker_messages.ts";
export type * from "./src/experiment/events.ts";
export type * from "./src/experiment/summary.ts";
export {
  checkKernel,
  type LabCheck,
  type LabNetwork,
  type LabShape,
  type LabTiming,
  type Operation,
  operations,
  starterFor,
  timeKernel,
} from "./src/lab/lab.ts";
export type { KernelText } from "./src/lab/own_kernel.ts";
export { Random } from "./src/random.ts";
