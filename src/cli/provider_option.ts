import { Option } from "@commander-js/extra-typings";
import { providers } from "../gpu/provider.ts";

/** `--provider`, of every command that opens a device. The launcher looks for it as well. */
export function providerOption() {
  return new Option("--provider <name>", "whose WebGPU: Deno's own, or Dawn, fetched once (25 MB)")
    .choices(providers)
    .default("deno" as const);
}
