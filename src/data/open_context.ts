import type { Progress } from "../images/image_set.ts";

/** What opening a data set needs of its surroundings. */
export interface OpenContext {
  /** The folder that holds the data sets' folders or archives (`--data DIR`); drawn sets need none. */
  readonly dataRoot: string | null;
  /** Where packed images are kept; made when missing. */
  readonly cacheDir: string;
  /** Sets whose pixels take more bytes are read from their cache file as needed; 1 GiB unless told. */
  readonly mostBytes?: number;
  /** Told how far reading and decoding are. */
  readonly progress?: Progress;
  /** Gets what is odd but not wrong, such as a damaged cache; `console.warn` unless told. */
  readonly warn?: (message: string) => void;
}
