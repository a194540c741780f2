/** The four files of a data set in idx format. */
export type IdxFileName = "train-images" | "train-labels" | "test-images" | "test-labels";

/**
 * Fashion-MNIST (https://github.com/zalandoresearch/fashion-mnist, MIT licence): 28 x 28 grey pictures of
 * clothes, in the files of MNIST.
 */
export const FASHION_MNIST = {
  title: "Fashion-MNIST",
  /** The folder that it is downloaded to, and those that others unpack it to. */
  folders: ["fashion-mnist", "fashion_mnist", "FashionMNIST"],
  /** Where Debian's package has its files. The launcher permits to read there. */
  installed: {
    path: "/usr/share/datasets/fashion-mnist",
    hint:
      "run ./wscl data download fashion-mnist, or on Debian apt-get install dataset-fashion-mnist",
  },
  classNames: [
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
  ],
  records: { train: 60_000, test: 10_000 },
  /** SHA-256 of the unpacked files: packed they differ, as published and as Debian has them. */
  sha256: {
    "train-images": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    "train-labels": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    "test-images": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    "test-labels": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
  } satisfies Readonly<Record<IdxFileName, string>>,
} as const;
