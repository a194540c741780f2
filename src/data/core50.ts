import { InputError } from "../errors.ts";
import { classFolder } from "./class_folder.ts";
import { noteLeftOut } from "./class_order.ts";
import { chooseClasses, type ClassChoice } from "./class_selection.ts";
import type { FileTree } from "./file_tree.ts";
import { type ImageListing, listImages, type ListingOptions } from "./image_listing.ts";

/** The categories of CORe50, five objects each, in the order of the objects' numbers. */
const CATEGORIES = [
  "plug_adapters",
  "mobile_phones",
  "scissors",
  "light_bulbs",
  "cans",
  "glasses",
  "balls",
  "markers",
  "cups",
  "remote_controls",
] as const;

/** Sessions whose images test, as the data set's authors divide it; the other eight train. */
const TEST_SESSIONS = [3, 7, 10];
const SESSIONS = Array.from({ length: 11 }, (_, i) => i + 1);

/**
 * CORe50's images `sN/oM/*.png` of one part, by category, session, object and name. The object's number
 * gives the category: `o1` to `o5` are the first, and so on.
 *
 * @throws {InputError} If there are no such folders.
 */
export function listCore50(
  tree: FileTree,
  part: "train" | "test",
  options: Omit<ListingOptions, "classList">,
): ImageListing {
  const chosen = core50Folders(tree, part, options);
  const left = noteLeftOut(CATEGORIES, [...chosen.keys()]);
  if (left !== null && part === "train") options.note?.(`Reading ${tree.root}: ${left}`);
  const folders = [...chosen].map(([category, paths]) =>
    [category, paths.map((path) => classFolder(tree, path))] as const
  );
  return listImages(tree, new Map(folders), "", part, options);
}

/** By category the folders of its objects, session by session. @throws {InputError} If there is no session. */
export function core50Folders(
  tree: FileTree,
  part: "train" | "test",
  choice: ClassChoice = {},
): Map<string, string[]> {
  const sessions = SESSIONS.filter((n) => TEST_SESSIONS.includes(n) === (part === "test"))
    .filter((n) => tree.isFolder(`s${n}`));
  if (sessions.length === 0) {
    throw new InputError(
      `Cannot open CORe50 in ${tree.root}: it has none of the sessions of its ${part} part, unpack ` +
        `core50_128x128.zip and name the folder that holds s1 to s11`,
    );
  }
  const folders = chooseClasses(CATEGORIES, choice, tree.root).map((category) => {
    const objects = Array.from({ length: 5 }, (_, i) => `o${5 * category + i + 1}`);
    const paths = sessions.flatMap((n) => objects.map((object) => `s${n}/${object}`));
    return [CATEGORIES[category], paths] as const;
  });
  return new Map(folders);
}
