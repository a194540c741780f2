import { sep } from "node:path";
import { InputError } from "../errors.ts";
import { type ClassFolder, classFolder, unusable } from "./class_folder.ts";
import { isLitter } from "./file_names.ts";
import type { FileTree } from "./file_tree.ts";
import { besideClasses } from "./image_listing.ts";
import { nameText } from "../images/look_alike.ts";
import { describePassedOver } from "./passed_over.ts";

/** Looks through class folders for a report: what cannot be read is a problem of its own, and the rest is counted. */
export class FolderCheck {
  /** What is missing or broken, a line each. */
  readonly problems: string[] = [];
  /** What is odd but can be used, a line each. */
  readonly notes: string[] = [];
  readonly #tree: FileTree;
  readonly #links: string[] = [];
  #litter = 0;

  constructor(tree: FileTree) {
    this.#tree = tree;
  }

  /** Images by class of a part: the folder `name`, or the whole data set's for an empty one. */
  part(name: string): Map<string, readonly string[]> {
    const classes = new Map<string, readonly string[]>();
    this.attempt(() => {
      for (const entry of this.#tree.entries(name)) {
        const path = name === "" ? entry.name : `${name}/${entry.name}`;
        if (isLitter(entry.name)) this.#litter++;
        else if (entry.kind === "unusable") {
          this.problems.push(unusable(this.#tree, name, entry).problem);
        } else if (entry.kind === "folder") {
          if (entry.isLink) this.#links.push(path);
          classes.set(entry.name, this.classIn(entry.name, [path], name));
        }
      }
      const beside = besideClasses(this.#tree, name);
      if (beside !== null) this.notes.push(name === "" ? beside : `${name}: ${beside}`);
    });
    return classes;
  }

  /** The images of a class, which lie in these folders. */
  classIn(className: string, paths: readonly string[], part: string): string[] {
    const folders = paths.flatMap((path) => this.folder(path) ?? []);
    const images = folders.flatMap(({ images }) => images);
    // Of a folder that cannot be read this has been said.
    if (images.length === 0 && folders.length > 0) this.reportEmpty(className, part, folders);
    return images;
  }

  /** What lies in a folder of images; null if it cannot be read. */
  folder(path: string): ClassFolder | null {
    const folder = this.attempt(() => classFolder(this.#tree, path));
    if (folder !== null) this.#report(folder);
    return folder;
  }

  /** A class without images is a problem; what is there instead is said with it. */
  reportEmpty(className: string, part: string, folders: readonly ClassFolder[] = []): void {
    const passedOver = folders.flatMap(({ passedOver }) => describePassedOver(passedOver) ?? []);
    const there = passedOver.length > 0 ? `: ${passedOver.join(", ")}` : "";
    this.problems.push(
      `${this.#tree.root}: class ${nameText(className)} has no images in ${part || "it"}${there}`,
    );
  }

  /** What `action` gives; if it finds something that cannot be used, null, and that is a problem. */
  attempt<T>(action: () => T): T | null {
    try {
      return action();
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      this.problems.push(error.message);
      return null;
    }
  }

  /** All that was found. */
  found(): { problems: readonly string[]; notes: readonly string[] } {
    const notes = [...this.notes];
    if (this.#litter > 0) {
      const files = this.#litter === 1 ? "hidden or system file is" : "hidden or system files are";
      notes.push(`${this.#litter} ${files} passed over, such as .DS_Store or Thumbs.db`);
    }
    const outside = this.#links.filter((path) => this.#leadsOut(path)).length;
    if (outside > 0) {
      notes.push(
        `${outside} ${
          outside === 1 ? "link leads" : "links lead"
        } out of the folder: what is there ` +
          `is read, and a copy of the folder needs it, too`,
      );
    }
    return { problems: this.problems, notes };
  }

  #report({ path, images, passedOver, unusable, links }: ClassFolder): void {
    this.#litter += passedOver.litter;
    this.#links.push(...links);
    for (const { problem } of unusable) this.problems.push(problem);
    const text = describePassedOver(passedOver);
    if (text !== null && images.length > 0) this.notes.push(`${path}: ${text}`);
  }

  #leadsOut(path: string): boolean {
    const place = this.#tree.place(path);
    if (typeof place !== "string") return false;
    const root = Deno.realPathSync(this.#tree.root);
    return !Deno.realPathSync(place).startsWith(root + sep);
  }
}
