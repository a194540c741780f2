/**
 * ONNX models as bytes: the part of the format that a network of ours needs. Names are those of the format, field
 * numbers those of its schema.
 *
 * Source: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
 */

import { Message } from "./protobuf.ts";

/** Of 2022, which every reader of today knows; inference of batch norm is settled in it. */
const IR_VERSION = 8;
const OPSET = 17;

/** TensorProto.DataType. */
const FLOAT = 1;

/** AttributeProto.AttributeType. */
const ATTRIBUTE = { float: 1, integer: 2, integers: 7 } as const;

/** A setting of a node: a whole number, several, or a real number, which is written as such. */
export type Attribute = number | readonly number[] | { readonly float: number };

/** An operation of the graph. */
export interface OnnxNode {
  /** Of the default domain. */
  readonly op: string;
  readonly name: string;
  /** Names of values: the graph's input, outputs of nodes before, constants. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes?: Readonly<Record<string, Attribute>>;
}

/** Values that the graph holds itself: f32, row-major. */
export interface OnnxConstant {
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** An f32 tensor that goes in or comes out; a size that has a name is any. */
export interface OnnxValue {
  readonly name: string;
  readonly shape: readonly (number | string)[];
  readonly about: string;
}

/** A graph and what is said of it. */
export interface OnnxModel {
  readonly name: string;
  readonly about: string;
  readonly producer: { readonly name: string; readonly version: string };
  readonly nodes: readonly OnnxNode[];
  readonly constants: readonly OnnxConstant[];
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
  readonly metadata: Readonly<Record<string, string>>;
}

/** The bytes of a `.onnx` file. */
export function encodeOnnx(model: OnnxModel): Uint8Array<ArrayBuffer> {
  const message = new Message()
    .integer(1, IR_VERSION)
    .text(2, model.producer.name)
    .text(3, model.producer.version)
    .integer(5, 1)
    .text(6, model.about)
    .message(7, graph(model))
    .message(8, new Message().text(1, "").integer(2, OPSET));
  for (const [key, value] of Object.entries(model.metadata)) {
    message.message(14, new Message().text(1, key).text(2, value));
  }
  return message.encode();
}

function graph({ name, nodes, constants, inputs, outputs }: OnnxModel): Message {
  const message = new Message();
  for (const node of nodes) message.message(1, nodeMessage(node));
  message.text(2, name);
  for (const constant of constants) message.message(5, constantMessage(constant));
  for (const value of inputs) message.message(11, valueMessage(value));
  for (const value of outputs) message.message(12, valueMessage(value));
  return message;
}

function nodeMessage({ op, name, inputs, outputs, attributes = {} }: OnnxNode): Message {
  const message = new Message();
  for (const input of inputs) message.text(1, input);
  for (const output of outputs) message.text(2, output);
  message.text(3, name).text(4, op);
  for (const [key, value] of Object.entries(attributes)) {
    message.message(5, attributeMessage(key, value));
  }
  return message;
}

function attributeMessage(name: string, value: Attribute): Message {
  const message = new Message().text(1, name);
  if (typeof value === "number") return message.integer(3, value).integer(20, ATTRIBUTE.integer);
  if ("float" in value) return message.float(2, value.float).integer(20, ATTRIBUTE.float);
  for (const element of value) message.integer(8, element);
  return message.integer(20, ATTRIBUTE.integers);
}

/** Values lie in the file as in memory: every machine that this runs on is little-endian, as WebGPU is. */
function constantMessage({ name, shape, data }: OnnxConstant): Message {
  if (shape.reduce((product, size) => product * size, 1) !== data.length) {
    throw new TypeError(
      `Cannot write constant ${name}: shape [${shape}] does not hold ${data.length} values`,
    );
  }
  const message = new Message();
  for (const size of shape) message.integer(1, size);
  return message.integer(2, FLOAT).text(8, name)
    .bytes(9, new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
}

function valueMessage({ name, shape, about }: OnnxValue): Message {
  const sizes = new Message();
  for (const size of shape) {
    const dimension = new Message();
    sizes.message(
      1,
      typeof size === "number" ? dimension.integer(1, size) : dimension.text(2, size),
    );
  }
  const tensor = new Message().integer(1, FLOAT).message(2, sizes);
  return new Message().text(1, name).message(2, new Message().message(1, tensor)).text(3, about);
}
