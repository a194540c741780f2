import type { FileTree } from "./file_tree.ts";

/** Names of ImageNet's classes: WordNet's numbers of nouns. */
const WORDNET_ID = /^n\d{8}$/;

/**
 * Whether an image folder is a published data set, Tiny-ImageNet or ImageNet: its lists are there, or all its classes
 * have the names of ImageNet's. The pixels of these are taken as they are stored, as the official program takes them;
 * the pictures of anyone else are turned upright.
 */
export function isOfficialLayout(tree: FileTree, classNames: readonly string[]): boolean {
  return tree.isFile("val/val_annotations.txt") || tree.isFile("wnids.txt") ||
    classNames.every((name) => WORDNET_ID.test(name));
}
