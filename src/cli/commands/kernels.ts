import { InputError } from "../../errors.ts";
import { command, type CommandGroup, flag, text, texts } from "../command.ts";
import { pathsOfConfig } from "../named_paths.ts";
import { provider, readOverrides, set } from "./shared_options.ts";

/** `wscl doctor`. */
export const doctor = command({
  name: "doctor",
  summary: "check the GPU and every kernel",
  description: "Shows adapter, features and limits, tests every kernel, and says what to fix.",
  options: { provider },
  needs: { gpu: true, writesCache: true },
  async run({ provider }, { terminal }) {
    const { runDoctor } = await import("../../host/doctor.ts");
    return await runDoctor((line: string) => terminal.print(line), provider) ? 0 : 1;
  },
});

/** `wscl tune`. */
export const tune = command({
  name: "tune",
  summary: "find the fastest kernels for a configuration",
  description:
    "Tries the ways to compute each convolution of a configuration on this adapter and remembers the " +
    "fastest; none changes a bit of the results. Training on a GPU does this by itself.",
  options: {
    config: text("<file>", "configuration, such as configs/demo.json (required)", {
      path: "read",
    }),
    set,
    again: flag("try those that are remembered, too"),
    provider,
  },
  needs: { gpu: true, writesCache: true, reads: pathsOfConfig },
  async run({ config, set, again, provider }, { terminal, cacheDir }) {
    if (config === undefined) {
      throw new InputError(
        "Cannot tune: no configuration given; add --config FILE, such as configs/demo.json",
      );
    }
    const overrides = await readOverrides(set);
    const { tuneCommand } = await import("../tune.ts");
    await tuneCommand({ config, overrides, cacheDir, again, provider }, terminal);
  },
});

const op = text("<op>", "operation, such as conv2d_forward", { mandatory: true });

/** `wscl kernels ...` */
export const kernelCommands: CommandGroup = {
  name: "kernels",
  summary: "the operations that a kernel of your own can compute",
  description:
    "Lists operations, says what a kernel for one has to do, and writes one to start from.",
  usual: "list",
  commands: [
    command({
      name: "list",
      summary: "list the operations",
      description: "Lists the operations of a training step, each of which a kernel can replace.",
      async run(_, { terminal }) {
        const { listKernels } = await import("../kernels.ts");
        listKernels(terminal);
      },
    }),
    command({
      name: "show",
      summary: "say what a kernel for an operation has to do",
      description:
        "Prints what an operation computes, its bindings, uniform fields, constants, shapes and tolerance.",
      arguments: { op },
      needs: { gpu: true },
      async run({ op }, { terminal }) {
        const { showKernel } = await import("../kernels.ts");
        await showKernel(op, terminal);
      },
    }),
    command({
      name: "new",
      summary: "write a plain kernel for an operation",
      description: "Writes a plain kernel for an operation that is right: to start from.",
      arguments: {
        op,
        path: text("<file>", "WGSL file to write", { path: "write", mandatory: true }),
      },
      async run({ op, path }, { terminal }) {
        const { newKernel } = await import("../kernels.ts");
        newKernel(op, path, terminal);
      },
    }),
  ],
};

/** `wscl test`: without `--golden` done by the launcher itself. */
export const test = command({
  name: "test",
  summary: "check format, lint, types and docs, and run the tests",
  description:
    "Checks format, lint, types and documentation, and runs the tests. With --golden: replays " +
    "recordings of the official program instead, in full precision, and ends with code 1 if any is " +
    "not met.",
  arguments: { paths: texts("[paths...]", "files or folders, as for `deno test`") },
  options: {
    golden: text("<dir>", "folder of recordings (NAME.safetensors, NAME.json)", { path: "read" }),
    soak: flag("run the long tests of docs/reliability.md instead"),
  },
  anyOption: true,
  needs: { gpu: true, byLauncher: ({ golden, soak }) => golden ? null : soak ? "soak" : "test" },
  async run({ golden }, { terminal }) {
    if (golden === undefined) {
      throw new InputError("Cannot run test from here: start it as ./wscl test");
    }
    const { checkGolden } = await import("../../../fidelity/check_golden.ts");
    return await checkGolden(golden, (line) => terminal.print(line));
  },
});
