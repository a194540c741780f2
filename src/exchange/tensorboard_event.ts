/**
 * Events as TensorBoard reads them. Field numbers are those of its schema.
 *
 * Source: https://github.com/tensorflow/tensorboard/blob/master/tensorboard/compat/proto/event.proto and summary.proto
 */

import { Message } from "./protobuf.ts";

/** A number, or a picture as PNG. */
export type BoardValue =
  | { readonly tag: string; readonly scalar: number }
  | {
    readonly tag: string;
    readonly png: Uint8Array;
    /** Pixels. */
    readonly width: number;
    readonly height: number;
  };

/** When something happened. */
export interface BoardTime {
  /** Seconds since 1970. */
  readonly wallTime: number;
  /** Training steps of the run. */
  readonly step: number;
}

/** SessionLog.SessionStatus. */
const START = 1;

/** Summary.Image.colorspace. */
const RGB = 3;

/** What every file begins with: version 2 is the one that knows restarts. */
export function versionEvent(wallTime: number): Uint8Array<ArrayBuffer> {
  return new Message().double(1, wallTime).text(3, "brain.Event:2").encode();
}

/** The run goes on from this step: what files before have of it, and of later ones, holds no more. */
export function restartEvent({ wallTime, step }: BoardTime): Uint8Array<ArrayBuffer> {
  return at({ wallTime, step }).message(7, new Message().integer(1, START)).encode();
}

/** Values of one step. */
export function valuesEvent(
  time: BoardTime,
  values: readonly BoardValue[],
): Uint8Array<ArrayBuffer> {
  const summary = new Message();
  for (const value of values) summary.message(1, valueMessage(value));
  return at(time).message(5, summary).encode();
}

function at({ wallTime, step }: BoardTime): Message {
  return new Message().double(1, wallTime).integer(2, step);
}

function valueMessage(value: BoardValue): Message {
  const message = new Message().text(1, value.tag);
  if ("scalar" in value) return message.float(2, value.scalar);
  const { width, height, png } = value;
  return message.message(
    4,
    new Message().integer(1, height).integer(2, width).integer(3, RGB).bytes(4, png),
  );
}
