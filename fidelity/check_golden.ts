import { openGpu } from "../src/host/open_gpu.ts";
import { checkFolder } from "./check_folder.ts";

/**
 * `wscl test --golden DIR`: replays recordings of the official program, a line each with its kind and, of every
 * quantity compared, the worst error and its limit. Returns the exit code: 0 all hold, 1 some do not.
 */
export async function checkGolden(folder: string, print: (text: string) => void): Promise<number> {
  const gpu = await openGpu();
  try {
    const checks = await checkFolder(gpu, folder, ({ name, kind, ok, text }) => {
      const what = name === kind ? kind : `${name} (${kind})`;
      print(`${ok ? "ok   " : "WRONG"}  ${what}: ${text}`);
    });
    const wrong = checks.filter(({ ok }) => !ok).length;
    print(`${checks.length} recordings, ${wrong} wrong`);
    return wrong === 0 ? 0 : 1;
  } finally {
    gpu.destroy();
  }
}
