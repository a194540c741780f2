/**
 * Asks a model in onnxruntime and reads what it says of itself: `ask_onnx.ts MODEL IMAGES COUNT SIZE`. IMAGES holds f32
 * `[count, 3, size, size]`. Prints JSON.
 */

import * as ort from "onnxruntime-web";
import protobuf from "protobufjs";

const [model, images, count, size] = Deno.args;
ort.env.wasm.numThreads = 1;
const bytes = await Deno.readFile(model);
const pixels = new Float32Array((await Deno.readFile(images)).buffer);
const session = await ort.InferenceSession.create(bytes);
const image = new ort.Tensor("float32", pixels, [Number(count), 3, Number(size), Number(size)]);
const { logits } = await session.run({ image });

const schema = protobuf.parse(await Deno.readTextFile(new URL("../onnx.proto", import.meta.url))).root;
const type = schema.lookupType("onnx.ModelProto");
const { metadataProps, graph, producerName } = type.toObject(type.decode(bytes), { longs: Number });
const metadata = Object.fromEntries(
  metadataProps.map(({ key, value }: { key: string; value: string }) => [key, value]),
);
const operations = graph.node.map(({ opType }: { opType: string }) => opType);
const [{ type: { tensorType } }] = graph.input;
console.log(JSON.stringify({
  shape: logits.dims,
  logits: [...logits.data as Float32Array],
  inputNames: session.inputNames,
  outputNames: session.outputNames,
  inputShape: tensorType.shape.dim,
  ...{ metadata, operations, producerName },
}));
