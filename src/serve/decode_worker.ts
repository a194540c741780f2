import { readBytes } from "../host/learner_images.ts";
import { answerQuestions } from "./asked_worker.ts";

/** A JPEG or PNG file to decode. */
export interface DecodeRequest {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** For messages. */
  readonly name: string;
  readonly size: number;
}

// What is sent is decoded away from the thread that answers, and by a worker that can be ended.
answerQuestions<DecodeRequest, Uint8Array<ArrayBuffer>>(
  ({ bytes, name, size }) => readBytes(bytes, name, size),
  (pixels) => [pixels.buffer],
);
