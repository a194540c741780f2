/** Height and width of every CIFAR picture, in pixels. */
export const SIDE = 32;

/** How one of the official CIFAR binary archives is laid out, and which of its labels is read. */
export interface CifarFormat {
  readonly title: string;
  readonly archive: string;
  /** The folder the archive unpacks to. */
  readonly folder: string;
  readonly train: { readonly files: readonly string[]; readonly records: number };
  readonly test: { readonly files: readonly string[]; readonly records: number };
  /** A line per class. */
  readonly nameFile: string;
  readonly classes: number;
  /** Label bytes and 3072 bytes of picture. */
  readonly recordBytes: number;
  /** Offset of the label's byte in a record. */
  readonly labelAt: number;
}

const PICTURE_BYTES = 3 * SIDE * SIDE;

/** CIFAR-10: one label byte, five training files. */
export const CIFAR10: CifarFormat = {
  title: "CIFAR-10",
  archive: "cifar-10-binary.tar.gz",
  folder: "cifar-10-batches-bin",
  train: { files: [1, 2, 3, 4, 5].map((n) => `data_batch_${n}.bin`), records: 50_000 },
  test: { files: ["test_batch.bin"], records: 10_000 },
  nameFile: "batches.meta.txt",
  classes: 10,
  recordBytes: 1 + PICTURE_BYTES,
  labelAt: 0,
};

/** CIFAR-100: the label of the superclass, then that of the class. */
export function cifar100(labels: "fine" | "coarse"): CifarFormat {
  return {
    title: `CIFAR-100 (${labels} labels)`,
    archive: "cifar-100-binary.tar.gz",
    folder: "cifar-100-binary",
    train: { files: ["train.bin"], records: 50_000 },
    test: { files: ["test.bin"], records: 10_000 },
    nameFile: `${labels}_label_names.txt`,
    classes: labels === "fine" ? 100 : 20,
    recordBytes: 2 + PICTURE_BYTES,
    labelAt: labels === "fine" ? 1 : 0,
  };
}
