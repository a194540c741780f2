/**
 * Pinned here and, with its checksum, in dawn.lock. Not in deno.json and deno.lock: what is there is fetched at every
 * first start, and this is 25 MB.
 */
export const DAWN_PACKAGE = "npm:webgpu@0.6.2";

/** What the package gives: Dawn's entry point, made with its switches. */
interface DawnPackage {
  create(switches: readonly string[]): GPU;
}

/** One for each thread, never let go: its devices are of no use without it. */
let opened: GPU | null = null;

/**
 * Dawn's entry point, loaded at the first call; needs `--allow-ffi`.
 *
 * @throws {Error} where the package cannot be fetched, or its binary cannot be loaded, with what to do.
 */
export async function openDawn(): Promise<GPU> {
  if (opened) return opened;
  let dawnPackage: DawnPackage;
  try {
    // Not as a literal, which Deno would look up, and fetch, before the program starts.
    dawnPackage = await import(`${DAWN_PACKAGE}`);
  } catch (error) {
    throw new Error(explain(error instanceof Error ? error : new Error(String(error))));
  }
  askLessOften();
  // As the launcher does for Deno: OpenGL's limits are too small.
  opened = dawnPackage.create(Deno.build.os === "linux" ? ["backend=vulkan"] : []);
  return opened;
}

/**
 * While anything is awaited of it, Dawn asks the driver by setImmediate, in every turn of this thread's event loop,
 * whether it is done. On a CPU adapter that takes a core from the kernels: a step took 1.5 to 4 times as long. A
 * millisecond between two questions is not felt.
 */
function askLessOften(): void {
  const setImmediate = (ask: () => void) => setTimeout(ask, 1);
  Object.assign(globalThis, { setImmediate });
}

/** Why the package did not load, and what helps. */
function explain({ name, message }: Error): string {
  const [reason] = message.split("\n");
  if (name === "NotCapable") {
    return "Cannot use Dawn: Deno may not load its native library; start the command by ./wscl, or add --allow-ffi";
  }
  if (/Cannot find module .*dawn\.node/.test(message)) {
    const { os, arch } = Deno.build;
    return `Cannot use Dawn: ${DAWN_PACKAGE} has no binary for ${os} ${arch}; leave --provider dawn out`;
  }
  if (/\.node\b/.test(message)) {
    return `Cannot use Dawn: its binary does not load here (${reason}); leave --provider dawn out`;
  }
  return `Cannot use Dawn: ${DAWN_PACKAGE} could not be had (${reason}); see to the network, or leave ` +
    "--provider dawn out";
}
