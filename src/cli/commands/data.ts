import { type DownloadName, DOWNLOADS } from "../../data/downloads.ts";
import { mirrorHosts, readMirror } from "../../data/mirror.ts";
import { InputError } from "../../errors.ts";
import {
  choice,
  command,
  type CommandGroup,
  type GivenTexts,
  lasting,
  parsed,
  text,
} from "../command.ts";
import { perClass, seed } from "../values.ts";

const check = command({
  name: "check",
  summary: "say what a folder holds and what is broken",
  description:
    "Says what each data set in a folder is, counts its images, reads every file and names those " +
    "that are missing or broken. Ends with code 1 if there are any.",
  arguments: {
    dir: text("<dir>", "a data set's folder or archive, or a folder that holds such", {
      path: "read",
      mandatory: true,
    }),
  },
  options: {
    list: parsed(
      "<number>",
      "list which images trainPerClass and testPerClass of this number take",
      perClass,
    ),
    subsetSeed: parsed("<number>", "with --list: the subsetSeed to draw by (default: 0)", seed),
  },
  async run({ dir, list, subsetSeed }, { terminal }) {
    if (list === undefined && subsetSeed !== undefined) {
      throw new InputError(
        "Cannot use --subset-seed alone: it says which images are listed; add --list NUMBER",
      );
    }
    const { checkCommand } = await import("../data.ts");
    const subset = list ? { perClass: list, subsetSeed: subsetSeed ?? 0 } : undefined;
    return await checkCommand(dir, terminal, subset);
  },
});

const download = command({
  name: "download",
  summary: "fetch a data set from its official place",
  description:
    "Fetches the official archive, going on where an earlier attempt stopped, and compares its " +
    "checksum. It is read as it is, without unpacking.",
  arguments: { name: choice("<name>", "data set", Object.keys(DOWNLOADS) as DownloadName[]) },
  options: {
    data: text("<dir>", "folder to put it into", { path: "write", default: "data" }),
    from: text("<url>", "another place that has the same file, or, ending in /, its folder"),
  },
  needs: { hosts },
  async run({ name, data: folder, from }, context) {
    const mirror = from === undefined ? null : readMirror(from);
    const { downloadCommand } = await import("../data.ts");
    const terminal = lasting(context, "the download goes on");
    await downloadCommand(DOWNLOADS[name], folder, mirror, terminal);
  },
});

/** The hosts of the data set, or that of `--from` alone; none where the name or the address cannot be used. */
function hosts({ name, from }: GivenTexts): string[] {
  const mirror = from?.at(-1);
  if (mirror !== undefined) {
    try {
      return mirrorHosts(readMirror(mirror));
    } catch (error) {
      if (error instanceof InputError) return []; // the command itself says what is wrong
      throw error;
    }
  }
  const set = new Map(Object.entries(DOWNLOADS)).get(name?.[0] ?? "");
  return set ? [...new Set(set.files.flatMap(({ hosts }) => hosts))] : [];
}

/** `wscl data ...` */
export const dataCommands: CommandGroup = {
  name: "data",
  summary: "check or download data sets",
  description: "Checks data sets, or downloads those that anyone may.",
  commands: [check, download],
};
