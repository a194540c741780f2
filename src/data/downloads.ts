/** A file that can be fetched. */
export interface Downloadable {
  /** Its name on disk. */
  readonly file: string;
  readonly url: string;
  /**
   * Hosts that may be asked, as Deno's --allow-net has them: `*.NAME` is NAME and all hosts below it,
   * `NAME:PORT` one port of it. A server may send on to any of them, since the checksum guards the content.
   */
  readonly hosts: readonly string[];
  /** MD5 as published, hexadecimal. */
  readonly md5: string;
  /** Bytes as published. */
  readonly size: number;
}

/** A data set that can be fetched. */
export interface DownloadSet {
  readonly files: readonly Downloadable[];
}

const TORONTO = ["*.cs.toronto.edu", "*.cs.utoronto.ca"];
const STANFORD = ["*.stanford.edu", "*.image-net.org"];

/** A data set that `wscl data download` knows. */
export type DownloadName = "cifar10" | "cifar100" | "tiny-imagenet";

/**
 * The data sets that anyone may fetch without an account, at their official places. The launcher `wscl`
 * permits the same hosts.
 */
export const DOWNLOADS: Readonly<Record<DownloadName, DownloadSet>> = {
  "cifar10": {
    files: [{
      file: "cifar-10-binary.tar.gz",
      url: "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
      hosts: TORONTO,
      md5: "c32a1d4ab5d03f1284b67883e8d87530",
      size: 170_052_171,
    }],
  },
  "cifar100": {
    files: [{
      file: "cifar-100-binary.tar.gz",
      url: "https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz",
      hosts: TORONTO,
      md5: "03b5dce01913d631647c71ecec9e9cb8",
      size: 168_513_733,
    }],
  },
  "tiny-imagenet": {
    files: [{
      file: "tiny-imagenet-200.zip",
      url: "http://cs231n.stanford.edu/tiny-imagenet-200.zip",
      hosts: STANFORD,
      md5: "90528d7ca1a48142e341f4ef8d21d0de",
      size: 248_100_043,
    }],
  },
};
