import { basename, dirname, normalize, relative, resolve } from "node:path";
import { surveyDreams, surveyImages } from "../data/survey.ts";
import { InputError } from "../errors.ts";
import type { ExperimentConfig } from "../experiment/config_types.ts";
import type { Materials } from "../experiment/materials.ts";
import type { Override } from "../experiment/overrides.ts";
import {
  ownConfig,
  type OwnDreams,
  type OwnImages,
  type OwnWishes,
  TEST_SHARE,
} from "../experiment/own_data.ts";
import type { Progress } from "../images/image_set.ts";
import { pixelStatistics } from "../images/pixel_statistics.ts";
import { resolveGiven } from "./load_config.ts";
import { openMaterials } from "./open_materials.ts";

/** A folder of images of one's own, and what is wanted of it. */
export interface OwnFolder extends Omit<OwnWishes, "dreams"> {
  /** Folder of class folders, or of `train` and `test` with such. */
  readonly images: string;
  /** A folder of class folders, or `memory` or `none`. */
  readonly dreams: string;
  readonly overrides: readonly Override[];
}

/** The configuration that was chosen, and what it was chosen for. */
export interface OwnChoice {
  readonly config: ExperimentConfig;
  /** Where the configuration's folders lie. */
  readonly dataRoot: string;
  /** As they are opened: classes and subsets that overrides choose are in here. */
  readonly images: OwnImages;
  readonly dreams: OwnDreams | null;
}

/**
 * Chooses a configuration for a folder of images: looks through it, decodes every image once into the cache, where the
 * run finds it, and measures the pixels.
 *
 * @throws {InputError} If the folders do not do, or an image cannot be read.
 */
export async function chooseForFolder(
  { images: path, dreams: dreamed, overrides, ...wishes }: OwnFolder,
  { cacheDir, progress }: { readonly cacheDir: string; readonly progress: Progress },
): Promise<OwnChoice> {
  const { dataRoot, folder } = placeOf(path);
  const { classNames, train, test, apart, shorterSides } = await surveyImages(
    path,
    TEST_SHARE,
    progress,
  );
  const dreams = dreamed === "memory" || dreamed === "none"
    ? dreamed
    : dreamsIn(dreamed, path, dataRoot);
  const classes = classNames.map((name, i) => ({ name, train: train[i], test: test[i] }));
  const shorterSide = shorterSides[shorterSides.length >> 1];
  const found: OwnImages = { folder, classes, apart, shorterSide };
  const resolved = (images: OwnImages) =>
    resolveGiven(ownConfig(images, { ...wishes, dreams }), overrides, {
      source: `the configuration chosen for ${path}`,
      folder: ".",
    });
  // What is odd of the folders is told by the run, which opens them again.
  const context = { dataRoot, cacheDir, progress, warn: () => {} };
  const opened = await openMaterials(await resolved(found), context);
  const pixels = pixelStatistics(opened.dataset.train);
  const config = await resolved({ ...found, pixels });
  return {
    config,
    dataRoot,
    images: { ...found, pixels, classes: classesOf(opened) },
    dreams: typeof dreams === "object" ? dreams : null,
  };
}

/** The folder that a path names, and where that lies. */
function placeOf(path: string): { dataRoot: string; folder: string } {
  const named = normalize(path).replace(/(?<=.)\/+$/, "");
  const whole = [".", ".."].includes(basename(named)) ? resolve(named) : named;
  const folder = basename(whole);
  if (folder === "") {
    throw new InputError(
      `Cannot read images of ${path}: it is the root of all folders; name one that holds a folder for each class`,
    );
  }
  return { dataRoot: dirname(whole), folder };
}

function dreamsIn(path: string, images: string, dataRoot: string): OwnDreams {
  if (resolve(path) === resolve(images)) {
    throw new InputError(
      `Cannot dream of the images of ${path}: they are those to learn; name a folder of others, or dream of what is ` +
        `remembered (memory)`,
    );
  }
  return { folder: relative(resolve(dataRoot), resolve(path)), ...surveyDreams(path) };
}

function classesOf({ dataset: { train, test } }: Materials): OwnImages["classes"] {
  const count = (labels: Uint16Array, label: number) => labels.filter((of) => of === label).length;
  return train.classNames.map((name, label) => ({
    name,
    train: count(train.labels, label),
    test: count(test.labels, label),
  }));
}
