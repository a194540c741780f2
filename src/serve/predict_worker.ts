import { type Knowledge, readKnowledge } from "../continual/generation.ts";
import { checkPixels } from "../continual/given.ts";
import { type Prediction, Predictor } from "../continual/predictor.ts";
import type { Gpu } from "../gpu/device.ts";
import { collectGarbage } from "../host/garbage.ts";
import { LearnerFolder } from "../host/learner_folder.ts";
import { learnerHost, type LearnerSafety } from "../host/learner_host.ts";
import { answerQuestions } from "./asked_worker.ts";

/** What the worker is asked. */
export type PredictRequest =
  /** Take the last generation, from now on. Comes first. */
  | { readonly kind: "load"; readonly learner: string; readonly safety: LearnerSafety }
  | { readonly kind: "predict"; readonly images: readonly Uint8Array<ArrayBuffer>[] }
  /** For tests: the device is gone. */
  | { readonly kind: "lose device" };

/** What it answers: by which generation, and to each image what it sees. */
export interface PredictAnswer {
  readonly generation: number;
  readonly predictions: readonly Prediction[];
}

/**
 * Images that go through the network at once: powers of two, so that few programs are built. A network holds what a
 * training step of so many would need, twice at dawn: of 64 images of 64 pixels, at width 16, that is 0.3 GB each.
 */
const MOST_TOGETHER = 8;

/** A question whose images wait for the device. */
interface Question {
  readonly images: readonly Uint8Array<ArrayBuffer>[];
  readonly found: Prediction[];
  readonly resolve: (answer: PredictAnswer) => void;
  readonly reject: (error: unknown) => void;
}

// A device and a thread of its own: what is asked while another device trains is answered all the same.
class Answering {
  #gpu: Gpu | null = null;
  #predictor: Predictor | null = null;
  #questions: Question[] = [];
  /** Loading and answering take turns. */
  #turn: Promise<unknown> = Promise.resolve();

  load(learner: string, safety: LearnerSafety): Promise<PredictAnswer> {
    return this.#next(async () => {
      const knowledge = await readKnowledge(new LearnerFolder(learner), () => {});
      // From one answer to the next; nobody is answered by half of each.
      if (this.#predictor?.take(knowledge)) {
        // What was uploaded is held twice until something is computed, be it after many nights.
        await tryOut(this.#predictor);
      } else {
        const predictor = await this.#warm(knowledge, safety);
        this.#predictor?.destroy();
        this.#predictor = predictor;
      }
      collectGarbage();
      return this.#answer([]);
    });
  }

  predict(images: readonly Uint8Array<ArrayBuffer>[]): Promise<PredictAnswer> {
    const { promise, resolve, reject } = Promise.withResolvers<PredictAnswer>();
    this.#questions.push({ images, found: [], resolve, reject });
    this.#next(() => this.#answerWaiting()).catch(reject);
    return promise;
  }

  loseDevice(): void {
    this.#gpu?.device.destroy();
  }

  async #warm(knowledge: Knowledge, safety: LearnerSafety): Promise<Predictor> {
    const host = learnerHost(safety);
    const gpu = this.#gpu ??= await host.openGpu();
    const predictor = new Predictor(gpu, knowledge, MOST_TOGETHER);
    try {
      await host.testKernels?.(gpu, predictor.config, {
        emit: () => {},
        shouldStop: () => false,
        proceed: () => {},
      });
      // Kernels are compiled before anybody waits for them.
      await tryOut(predictor);
      return predictor;
    } catch (error) {
      predictor.destroy();
      throw error;
    }
  }

  /** Answers all that waits, images of several questions together. */
  async #answerWaiting(): Promise<void> {
    const questions = this.#questions;
    this.#questions = [];
    if (questions.length === 0) return; // answered with those before
    try {
      const predictor = this.#predictor!;
      const images = questions.flatMap(({ images }) => images);
      const { size } = predictor.knowledge.state.settings;
      for (const pixels of images) checkPixels(pixels, size, "");
      const found: Prediction[] = [];
      while (found.length < images.length) {
        const left = Math.min(MOST_TOGETHER, images.length - found.length);
        const count = 2 ** Math.floor(Math.log2(left));
        found.push(...await predictor.predict(images.slice(found.length, found.length + count)));
      }
      for (const { images, resolve } of questions) {
        resolve(this.#answer(found.splice(0, images.length)));
      }
    } catch (error) {
      for (const { reject } of questions) reject(error);
    }
  }

  #answer(predictions: readonly Prediction[]): PredictAnswer {
    return { generation: this.#predictor!.knowledge.state.generation, predictions };
  }

  #next<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(work);
    this.#turn = done.catch(() => {});
    return done;
  }
}

/** Judges a black image. */
async function tryOut(predictor: Predictor): Promise<void> {
  const { size } = predictor.knowledge.state.settings;
  await predictor.predict([new Uint8Array(size * size * 3)]);
}

const answering = new Answering();
const nothing = { generation: 0, predictions: [] };

answerQuestions<PredictRequest, PredictAnswer>((request) => {
  if (request.kind === "load") return answering.load(request.learner, request.safety);
  if (request.kind === "predict") return answering.predict(request.images);
  answering.loseDevice();
  return Promise.resolve(nothing);
});
