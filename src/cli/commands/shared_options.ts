import { FASHION_MNIST } from "../../data/fashion_mnist.ts";
import type { Override } from "../../experiment/overrides.ts";
import { providers } from "../../gpu/provider.ts";
import { choice, flag, parsed, text, texts } from "../command.ts";
import { duration } from "../values.ts";

/** `--provider`, of every command that opens a device. */
export const provider = choice(
  "<name>",
  "whose WebGPU: Deno's own, or Dawn, fetched once (25 MB)",
  providers,
  { default: "deno" },
);

/** `--data`, of every command that opens data sets by their configuration. */
export const data = text("<dir>", "folder that holds the data sets' folders", {
  path: "read",
  default: "data",
});

/** Where such a data set may be besides. */
export const installedData = () => [FASHION_MNIST.installed.path];

/** `--set`, of every command that takes a configuration. */
export const set = texts("<key=value>", "change one key of the configuration; repeatable");

/** What `--set` says. @throws {InputError} */
export async function readOverrides(texts: readonly string[]): Promise<Override[]> {
  const { parseOverride } = await import("../../experiment/overrides.ts");
  return texts.map(parseOverride);
}

/** Of commands that train: how much they tell. */
export const telling = {
  quiet: flag("print nothing but errors"),
  json: flag("print what happens as JSON, an event a line"),
};

/** What all commands that train have, besides. */
export const training = {
  set,
  maxTime: parsed("<time>", "stop in time, saved, with exit code 75: 90s, 9m or 1.5h", duration),
  skipSelfTest: flag("trust the kernels on this adapter without trying them"),
  skipTuning: flag("do not try which kernels are fastest on this adapter"),
  provider,
  ...telling,
};
