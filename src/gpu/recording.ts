import type { Gpu, RunRecording } from "./device.ts";
import { type ElementType, readWords, type Tensor, writeWords } from "./tensor.ts";

/** One tensor's content. */
export interface SavedTensor {
  readonly label: string;
  readonly shape: readonly number[];
  readonly type: ElementType;
  /** The bits of its elements. */
  readonly words: Uint32Array<ArrayBuffer>;
}

/** Where a run was: enough to be there again, without repeating any work on the GPU. */
export interface SavedRun {
  /** Points that had been passed, the one it was saved at included. */
  readonly points: number;
  /** Everything that was read back from the GPU until then, in order. */
  readonly journal: readonly Uint32Array<ArrayBuffer>[];
  /** Content of the device's state, in order of allocation. */
  readonly state: readonly SavedTensor[];
}

/** Words that are uploaded in a replay between two submissions; WebGPU holds uploads in host memory until then. */
const UPLOAD_LIMIT = 2 ** 24;

/** Most words that are read back in one go when the state is saved. */
const READ_LIMIT = 2 ** 25;

/**
 * Brings a run back to where it was by executing it again.
 *
 * All that a run does follows from what it is given and from what it reads back from the GPU. So a recording keeps a
 * journal of what is read back, and counts the *points* that the run passes, places between two steps at which it may
 * be saved: journal, count and the tensors that are state (see {@linkcode Gpu.state}) are all there is to save. In a
 * replay the same code runs from its start again, but programs and copies do nothing, uploads to state are dropped, and
 * the journal answers read-backs; random streams, memories' labels, positions and whatever else the host holds come
 * about as they did before, in microseconds a step. At the point of the saved run the tensors are put back, and the run
 * goes on.
 *
 * Made for one run, after the device is opened and before anything is allocated; it hangs itself on the device.
 */
export class Recording implements RunRecording {
  readonly #gpu: Gpu;
  readonly #journal: Uint32Array<ArrayBuffer>[] = [];
  #saved: SavedRun | null;
  #points = 0;
  #answered = 0;
  #uploaded = 0;

  /** Records a new run, or begins the replay of a saved one. */
  constructor(gpu: Gpu, saved: SavedRun | null = null) {
    this.#gpu = gpu;
    this.#saved = saved;
    gpu.recording = this;
  }

  /** Whether the run is still on its way to where it was saved: nothing runs on the GPU. */
  get replaying(): boolean {
    return this.#saved !== null;
  }

  /** Points passed so far. */
  get points(): number {
    return this.#points;
  }

  /** Bytes of the device's state: of what a saved run takes nearly all. */
  get stateBytes(): number {
    return [...this.#gpu.state].reduce((sum, { length }) => sum + 4 * length, 0);
  }

  /**
   * The run is between two steps. Returns true at the one where a replay arrives: the tensors are as they were.
   *
   * @throws {ReplayDiverged} if the replay went another way than the run that was saved.
   */
  pass(): boolean {
    this.#points++;
    if (this.#saved === null || this.#points < this.#saved.points) return false;
    const { journal, state } = this.#saved;
    if (this.#answered !== journal.length) {
      throw diverged(
        `${this.#answered} of ${journal.length} results had been read back at point ${this.#points}`,
      );
    }
    const tensors = [...this.#gpu.state];
    const name = ({ label, shape, type }: Tensor | SavedTensor) => `${label} ${type} [${shape}]`;
    for (let i = 0; i < Math.max(tensors.length, state.length); i++) {
      const [here, there] = [tensors[i] && name(tensors[i]), state[i] && name(state[i])];
      if (here !== there) {
        throw diverged(`state number ${i} is ${here ?? "missing"}, was ${there ?? "missing"}`);
      }
    }
    this.#saved = null;
    tensors.forEach((tensor, i) => writeWords(this.#gpu, tensor, state[i].words));
    return true;
  }

  /** What `read` gives, or gave. */
  async readBack(
    length: number,
    read: () => Promise<Uint32Array<ArrayBuffer>>,
  ): Promise<Uint32Array<ArrayBuffer>> {
    const words = this.replaying ? this.#answer(length) : await read();
    this.#journal.push(words);
    return words;
  }

  /** A number from outside, such as the time: what `look` gives, or gave. */
  observe(look: () => number): number {
    const words = this.replaying
      ? this.#answer(2)
      : new Uint32Array(Float64Array.of(look()).buffer);
    this.#journal.push(words);
    return new Float64Array(words.slice().buffer)[0];
  }

  /** Told of uploads in a replay; keeps what waits for a submission small. */
  uploaded(words: number): void {
    this.#uploaded += words;
    if (this.#uploaded < UPLOAD_LIMIT) return;
    this.#uploaded = 0;
    this.#gpu.device.queue.submit([]);
  }

  /** Waits for the queue and reads the whole state back. */
  async save(): Promise<SavedRun> {
    const state: SavedTensor[] = [];
    let part: Tensor[] = [];
    const flush = async () => {
      const words = await readWords(this.#gpu, part);
      let at = 0;
      for (const { label, shape, type, length } of part) {
        state.push({ label, shape, type, words: words.subarray(at, at += length) });
      }
      part = [];
    };
    for (const tensor of this.#gpu.state) {
      const waiting = part.reduce((sum, { length }) => sum + length, 0);
      if (part.length > 0 && waiting + tensor.length > READ_LIMIT) await flush();
      part.push(tensor);
    }
    if (part.length > 0) await flush();
    return { points: this.#points, journal: this.#journal.slice(), state };
  }

  /** No more saving: nothing is kept of what is read back from now on. */
  end(): void {
    this.#gpu.recording = null;
    this.#journal.length = 0;
  }

  #answer(length: number): Uint32Array<ArrayBuffer> {
    const words = this.#saved!.journal[this.#answered++];
    if (words?.length === length) return words;
    throw diverged(
      `${length} words are read back behind point ${this.#points}, there were ${
        words?.length ?? 0
      }`,
    );
  }
}

/** A replay that went another way than the run that was saved: nothing can go on from there. */
export class ReplayDiverged extends Error {}

function diverged(found: string): Error {
  return new ReplayDiverged(
    `Cannot go on where the run was: repeating it came out differently (${found}); the program, the ` +
      "configuration or the data has changed, or the checkpoint is damaged: start the run anew",
  );
}
