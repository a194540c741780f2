import type { Op } from "../check/kernel_case.ts";
import type { Gpu } from "../gpu/device.ts";
import type { Field, Layout } from "../gpu/layout.ts";
import { nameOf } from "./layout_name.ts";
import { sharedConstants } from "./own_kernel.ts";
import { networkCases, smallCases } from "./own_cases.ts";
import { ownText } from "./starters.ts";

/** What a kernel of one's own for an operation has to do, in lines of text; from our own kernel's text and the table. */
export function contractOf(op: Op, gpu: Gpu, size = { width: 16, size: 32, batch: 32 }): string[] {
  const [ours] = op.kernels;
  const record = ours.bindings.find(({ access }) => access === "uniform");
  const storage = ours.bindings.filter(({ access }) => access !== "uniform");
  const constants = sharedConstants(op);
  const small = smallCases(op, "f32", "cifar");
  const network = networkCases(op, size, gpu);
  const list = (title: string, lines: readonly string[]) =>
    lines.length > 0 ? ["", title, ...lines.map((line) => `  ${line}`)] : [];
  const cases = [...new Set([...small, ...network].map(({ tolerance }) => tolerance))];
  return [
    `${op.name}: ${op.summary}`,
    "",
    ...headerOf(ownText(ours)),
    ...list(
      "bindings, by these names; what is read may be left out (Stored: vec4f, or vec2u of f16):",
      storage.map(({ name, access, layout }) =>
        `${access === "write" ? "read_write" : "read      "}  ${name}: ${nameOf(layout)}`
      ),
    ),
    ...list(
      `fields of the uniform record, as many as are wanted (var<uniform> ${record?.name}):`,
      fields(record?.layout).map(({ name, layout }) => `${name}: ${nameOf(layout)}`),
    ),
    ...list(
      "constants that are set where they are declared:",
      constants.map(({ name, type }) => `override ${name}: ${type}`),
    ),
    ...list(
      'names for "//@ workgroups:" (fields of lists as ends_0, ends_1, ...) and "//@ only:":',
      [
        [...fields(record?.layout), ...constants].map(({ name }) => name).join(", ") +
        "; + - * / % ceil floor min max",
      ],
    ),
    ...list(
      "shapes: small ones, which fill no workgroup evenly",
      small.map(({ shape }) => sizes(shape)),
    ),
    ...list(
      `shapes: those of a network of width ${size.width}, ${size.size} pixels, batch ${size.batch}`,
      network.map(({ layer, layers, shape }) => `${layers}x ${layer}: ${sizes(shape)}`),
    ),
    ...list(
      "tolerance, as ‖found - expected‖ / ‖expected‖ of each output:",
      cases.map(({ error, why }) => `${error}: ${why}`),
    ),
    "",
    `To start: ./wscl kernels new ${op.name} my.wgsl`,
  ];
}

/** The comment at the top of a text. */
function headerOf(code: string): string[] {
  const lines = code.split("\n");
  const end = lines.findIndex((line) => !line.startsWith("//"));
  return lines.slice(0, end < 0 ? lines.length : end).map((line) => line.replace(/^\/\/ ?/, ""));
}

function fields(layout: Layout | undefined): readonly Field[] {
  return layout?.kind === "struct" ? layout.fields : [];
}

function sizes(shape: Readonly<Record<string, number>>): string {
  return Object.entries(shape).map(([name, value]) => `${name}=${value}`).join(" ");
}
