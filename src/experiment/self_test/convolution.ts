import {
  conv2dForward,
  conv2dInputGradient,
  conv2dOutputShape,
  conv2dWeightGradient,
  type Shape4,
} from "../../reference/conv2d.ts";
import {
  fromKernelLayout,
  fromNhwc,
  nhwcLength,
  normals,
  toKernelLayout,
  toNhwc,
} from "../../reference/layout.ts";
import {
  conv2dPartials,
  recordConv2dForward,
  recordConv2dInputGradient,
  recordConv2dWeightGradient,
} from "../../ops/conv2d.ts";
import {
  type Conv2dPass,
  type Conv2dShape,
  type Conv2dVariant,
  conv2dWantsSubgroups,
  plainVariant,
} from "../../ops/conv2d_variants.ts";
import type { Gpu } from "../../gpu/device.ts";
import { Random } from "../../random.ts";
import type { CaseTensors, KernelCase } from "./case.ts";

/**
 * The three kinds of convolution that a ResNet has: 3x3, 3x3 that halves the size, and the 1x1 shortcut. In subgroups
 * the first shares rows of x among 2 lanes and columns of gy among others, the second rows among 8, the third nothing.
 */
const layers: readonly { x: Shape4; outputs: number; kernel: 1 | 3; stride: 1 | 2 }[] = [
  { x: [2, 5, 5, 7], outputs: 6, kernel: 3, stride: 1 },
  { x: [1, 10, 7, 5], outputs: 31, kernel: 3, stride: 2 },
  { x: [2, 9, 5, 6], outputs: 17, kernel: 1, stride: 2 },
];

/** Convolution: forward, input gradient (with and without addend), weight gradient, sum of its parts. */
export function convolutionCases(tensors: CaseTensors): KernelCase[] {
  return layers.flatMap((layer, index) => layerCases(tensors, layer, index));
}

function layerCases(
  tensors: CaseTensors,
  { x: xShape, outputs, kernel, stride }: (typeof layers)[number],
  index: number,
): KernelCase[] {
  const random = Random.stream(index, "self-test convolution");
  const [rows, inputChannels, inputHeight, inputWidth] = xShape;
  const wShape: Shape4 = [outputs, inputChannels, kernel, kernel];
  const options = { stride, padding: (kernel - 1) / 2 };
  const yShape = conv2dOutputShape(xShape, wShape, options);
  const [, outputChannels, outputHeight, outputWidth] = yShape;
  const sizes = { inputHeight, inputWidth, outputHeight, outputWidth };
  const layer: Conv2dShape = { inputChannels, outputChannels, kernel, stride, ...sizes };
  const values = (shape: Shape4) => normals(random, shape.reduce((a, b) => a * b, 1));
  const [x, w, gy] = [tensors.storable(values(xShape)), values(wShape), values(yShape)];
  const gx = conv2dInputGradient(gy, xShape, w, wShape, options);

  const given = {
    x: tensors.stored(toNhwc(x, xShape)),
    gy: tensors.f32(toNhwc(gy, yShape)),
    weight: tensors.f32(toKernelLayout(w, wShape)),
  };
  const cases: KernelCase[] = [];
  const ways = waysOf(tensors.gpu, layer, index);
  for (const way of ways) {
    const y = tensors.storedOutput(nhwcLength(yShape));
    const common = { layer, rows, ...given };
    cases.push({
      dispatch: only(recordConv2dForward({ ...common, variant: way("forward"), y })),
      outputs: [{
        tensor: y,
        expected: conv2dForward(x, xShape, w, wShape, options),
        read: (read) => fromNhwc(read, yShape),
      }],
    });
    // Odd layers add: the gradient that comes over the shortcut is added here.
    const adds = index % 2 === 1;
    const tensor = tensors.output(nhwcLength(xShape));
    const addend = adds ? tensors.f32(toNhwc(x, xShape)) : null;
    cases.push({
      dispatch: only(
        recordConv2dInputGradient({
          ...common,
          variant: way("input_gradient"),
          addend,
          gx: tensor,
        }),
      ),
      outputs: [{
        tensor,
        expected: adds ? gx.map((value, i) => value + x[i]) : gx,
        read: (read) => fromNhwc(read, xShape),
      }],
    });
  }

  const size = given.weight.length;
  const length = conv2dPartials(layer, rows);
  const expected = conv2dWeightGradient(gy, x, xShape, wShape, options);
  for (const way of ways) {
    const partials = tensors.output(length);
    const gradient = tensors.output(size);
    const common = { layer, rows, variant: way("weight_gradient"), ...given };
    const [sums, total] = recordConv2dWeightGradient({ ...common, partials, gradient });
    cases.push({
      dispatch: sums,
      outputs: [{
        // One part needs no sum: it is the gradient.
        tensor: total ? partials : gradient,
        expected,
        read: (read) => fromKernelLayout(sumOf(read, size), wShape),
      }],
    });
  }
  const parts = normals(random, length);
  const gradient = tensors.output(size);
  const common = { layer, rows, gradient, ...given };
  const [, total] = recordConv2dWeightGradient({ ...common, partials: tensors.f32(parts) });
  if (total) {
    cases.push({
      dispatch: total,
      outputs: [{ tensor: gradient, expected: sumOf(parts, size) }],
    });
  }
  return cases;
}

/** Each kernel that runs on this adapter: strips without and with subgroups, tiles of two sizes in turn. */
function waysOf(
  gpu: Gpu,
  layer: Conv2dShape,
  index: number,
): ((pass: Conv2dPass) => Conv2dVariant)[] {
  const plain = (pass: Conv2dPass) => plainVariant(pass, layer);
  const subgroup = (pass: Conv2dPass) => ({ ...plain(pass), subgroups: true }) as Conv2dVariant;
  const tiles: Conv2dVariant = index % 2 === 0
    ? { kind: "tiles", rows: 32, columns: 16, perThread: 4 }
    : { kind: "tiles", rows: 64, columns: 32, perThread: 8 };
  return [plain, ...(conv2dWantsSubgroups(gpu) ? [subgroup] : []), () => tiles];
}

/** Stretches of `size` numbers, added. */
function sumOf(values: ArrayLike<number>, size: number): Float64Array {
  const sums = new Float64Array(size);
  for (let i = 0; i < values.length; i++) sums[i % size] += values[i];
  return sums;
}

function only<T>(list: readonly T[]): T {
  if (list.length !== 1) throw new RangeError(`Cannot single out a launch: ${list.length} found`);
  return list[0];
}
