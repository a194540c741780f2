import { FASHION_MNIST } from "./fashion_mnist.ts";

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
  /** SHA-256 of the content, unpacked by gzip, hexadecimal: the same however it was packed. */
  readonly unpackedSha256?: string;
}

/** A data set that can be fetched. */
export interface DownloadSet {
  /** Folder below the data folder that its files belong into, where it is not the data folder itself. */
  readonly folder?: string;
  readonly files: readonly Downloadable[];
}

const TORONTO = ["*.cs.toronto.edu", "*.cs.utoronto.ca"];
const STANFORD = ["*.stanford.edu", "*.image-net.org"];
const ZALANDO = [
  "fashion-mnist.s3-website.eu-central-1.amazonaws.com",
  "fashion-mnist.s3.eu-central-1.amazonaws.com",
  "github.com",
  "raw.githubusercontent.com",
];

/** A file of Fashion-MNIST. */
const fashion = (file: string, size: number, md5: string, unpackedSha256: string): Downloadable => {
  const url = `http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/${file}`;
  return { file, url, hosts: ZALANDO, md5, size, unpackedSha256 };
};

/** A data set that `wscl data download` knows. */
export type DownloadName = "cifar10" | "cifar100" | "tiny-imagenet" | "fashion-mnist";

/**
 * The data sets that anyone may fetch without an account, at their official places. `wscl data download` may reach
 * their hosts and no others.
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
  "fashion-mnist": {
    folder: FASHION_MNIST.folders[0],
    files: [
      fashion(
        "train-images-idx3-ubyte.gz",
        26_421_880,
        "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
        FASHION_MNIST.sha256["train-images"],
      ),
      fashion(
        "train-labels-idx1-ubyte.gz",
        29_515,
        "25c81989df183df01b3e8a0aad5dffbe",
        FASHION_MNIST.sha256["train-labels"],
      ),
      fashion(
        "t10k-images-idx3-ubyte.gz",
        4_422_102,
        "bef4ecab320f06d8554ea6380940ec79",
        FASHION_MNIST.sha256["test-images"],
      ),
      fashion(
        "t10k-labels-idx1-ubyte.gz",
        5_148,
        "bb300cfdad3c16e7a12a480ee83cd310",
        FASHION_MNIST.sha256["test-labels"],
      ),
    ],
  },
};
