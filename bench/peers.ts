import { fileURLToPath } from "node:url";

/** What `wscl bench peers` was asked for. */
export interface PeersOptions {
  readonly width: readonly number[];
  readonly size: number;
  readonly batch: number;
  readonly rounds: number;
  readonly peer: string;
  readonly out: string;
}

/**
 * Starts bench/peers/main.ts as a process of its own: the other libraries are dependencies of that folder alone, with
 * an import map and a lock file there. Returns its exit code.
 */
export async function benchPeers(options: PeersOptions): Promise<number> {
  const at = (path: string) => fileURLToPath(new URL(`peers/${path}`, import.meta.url));
  const { code } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--quiet", "--no-prompt", "--config", at("deno.json")],
      ...["--allow-read", "--allow-write", "--allow-env", "--allow-sys", "--allow-run=python3"],
      at("main.ts"),
      JSON.stringify(options),
    ],
  }).spawn().status;
  return code;
}
