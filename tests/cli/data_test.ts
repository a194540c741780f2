import assert from "node:assert/strict";
import { join } from "node:path";
import { main } from "../../src/cli/main.ts";
import { openDataset } from "../../src/data/dataset.ts";
import { tarGz, zip } from "../data/archives.ts";
import {
  cifarRecord,
  joined,
  plainJpeg,
  plainPng,
  withFolder,
  write,
  writeImageFolder,
} from "../data/fixtures.ts";
import { idxImages, writeIdx } from "../data/idx_files.ts";
import { withRawServer } from "../data/raw_server.ts";
import { recordingTerminal } from "./recording_terminal.ts";

/** Runs `wscl data ...` in this process. */
async function data(...args: string[]) {
  const { terminal, printed } = recordingTerminal();
  const errors: string[] = [];
  const printError = (text: string) => void errors.push(text);
  const code = await main(["data", ...args], { terminal, printError, cacheDir: "cache" });
  return { code, output: printed.join("\n"), errors: errors.join("\n") };
}

/** Tiny-ImageNet's layout, 64 pixels, two classes. */
async function writeTiny(root: string): Promise<void> {
  const jpeg = await plainJpeg(64, [1, 2, 3]);
  write(join(root, "wnids.txt"), "n02\nn01\n");
  for (const name of ["n01", "n02"]) write(join(root, `train/${name}/images/${name}_0.JPEG`), jpeg);
  write(join(root, "val/images/val_0.JPEG"), jpeg);
  write(join(root, "val/images/val_1.JPEG"), jpeg);
  write(join(root, "val/val_annotations.txt"), "val_0.JPEG\tn02\t0\nval_1.JPEG\tn01\t0\n");
}

Deno.test("data check says what a good folder holds, and ends with 0", () =>
  withFolder(async (folder) => {
    await writeImageFolder(join(folder, "pets"), 8);
    await writeTiny(join(folder, "tiny-imagenet-200"));
    write(join(folder, "dreams/groups.txt"), "-");
    for (const n of [0, 1, 2]) write(join(folder, `dreams/g${n}/0.png`), plainPng(8, [n, 0, 0]));
    write(join(folder, "dreams/g0/1.png"), plainPng(9, [0, 0, 0]));
    write(join(folder, "notes/readme.txt"), "no data set");
    const { code, output, errors } = await data("check", folder);
    assert.deepEqual([code, errors], [0, ""], output);
    assert.match(
      output,
      /dreams: class folders .*\n {2}classes: 3 classes, 4 images: 1 of most, 2 of g0/,
    );
    assert.match(output, /note: images in pixels: 3 of 8 x 8, 1 of 9 x 9; set resize/);
    assert.match(output, /pets: image folder\n {2}train: 2 classes, 6 images: 3 of each/);
    assert.match(output, /tiny-imagenet-200: Tiny-ImageNet, official layout/);
    assert.match(output, /2 classes have another number of train images than the official 500/);
    assert.doesNotMatch(output, /notes/);
    assert.match(output, /ok: 3 data sets, nothing missing or broken$/);
  }));

Deno.test("data check names every broken and missing file, and ends with 1", () =>
  withFolder(async (folder) => {
    const tiny = join(folder, "tiny-imagenet-200");
    await writeTiny(tiny);
    const jpeg = Deno.readFileSync(join(tiny, "val/images/val_0.JPEG"));
    write(join(tiny, "train/n01/images/n01_1.JPEG"), jpeg.subarray(0, jpeg.length - 9));
    const ended = joined([jpeg.subarray(0, jpeg.length - 9), Uint8Array.of(0xff, 0xd9)]);
    write(join(tiny, "train/n01/images/n01_2.JPEG"), ended);
    write(join(tiny, "train/n02/images/n02_1.JPEG"), await plainJpeg(32, [0, 0, 0]));
    Deno.renameSync(join(tiny, "val/images/val_1.JPEG"), join(tiny, "val/images/val_7.JPEG"));
    Deno.mkdirSync(join(tiny, "train/n05"));
    write(join(tiny, "wnids.txt"), "n02\nn01\nn09\n");
    const { code, output } = await data("check", tiny);
    assert.equal(code, 1);
    for (
      const problem of [
        /wnids\.txt names class n09, train has no such folder/,
        /class n05 has no images in train/,
        /n01_1\.JPEG: its \d+ bytes are damaged or cut short/,
        /n01_2\.JPEG: its \d+ bytes are damaged or cut short/,
        /n02_1\.JPEG: 32 x 32 pixels where 64 x 64 are official/,
        /val\/images\/val_1\.JPEG: it is annotated and missing/,
        /val\/images\/val_7\.JPEG: it is not in val_annotations\.txt/,
      ]
    ) assert.match(output, problem);
    assert.match(output, /\n\d+ problems in 1 data set$/);
  }));

Deno.test("data check reads archives, and names unfinished downloads", () =>
  withFolder(async (folder) => {
    const files: Record<string, Uint8Array> = {
      "cifar-100-binary/fine_label_names.txt": new TextEncoder().encode("a\nb\n"),
      "cifar-100-binary/train.bin": joined([cifarRecord([1, 5], [0, 0, 0])]),
      "cifar-100-binary/test.bin": cifarRecord([1, 200], [0, 0, 0]),
    };
    write(join(folder, "cifar-100-binary.tar.gz"), tarGz(files));
    const cat = plainPng(8, [1, 1, 1]);
    write(
      join(folder, "pets.zip"),
      zip({ "p/cat/0.png": cat, "p/dog/0.png": cat.subarray(0, 50) }),
    );
    write(join(folder, "tiny-imagenet-200.zip.part"), "...");
    const { code, output } = await data("check", folder);
    assert.equal(code, 1);
    assert.match(output, /CIFAR-100, official archive\n {2}train: 100 classes, 1 images/);
    assert.match(output, /checksum is not the published one, download it again/);
    assert.match(output, /found 2 class names where CIFAR-100 .* has 100/);
    assert.match(output, /test\.bin: record 0 has label 200/);
    assert.match(output, /pets\.zip: p\/dog\/0\.png: its 50 bytes are damaged/);
    assert.match(output, /zip\.part is an unfinished download/);
  }));

Deno.test("data check lists the images that a limit per class takes, as opening does", () =>
  withFolder(async (folder) => {
    for (const [part, count] of [["train", 9], ["val", 4]] as const) {
      for (let n = 0; n < count; n++) {
        write(join(folder, `pets/${part}/cat/${n}.png`), plainPng(8, [10 * n, 0, 0]));
      }
    }
    const listed = async (...options: string[]) => {
      const { code, output } = await data("check", join(folder, "pets"), "--list", ...options);
      assert.equal(code, 0, output);
      return (part: string) =>
        [...output.matchAll(RegExp(`  ${part} cat: (.*)`, "g"))].map(([, what]) => what);
    };
    for (const subsetSeed of [0, 7]) {
      const found = await listed("3", "--subset-seed", String(subsetSeed));
      const { train, test } = await openDataset({
        format: "image_folder",
        folder: "pets",
        trainPerClass: 3,
        testPerClass: 3,
        subsetSeed,
        size: 8,
      }, { dataRoot: folder, cacheDir: join(folder, "cache") });
      for (const [part, { pixels }] of [["train", train], ["val", test]] as const) {
        const names = [0, 1, 2].map((i) => `${part}/cat/${pixels[i * 192] / 10}.png`);
        assert.deepEqual(found(part), names);
      }
    }
    const more = await listed("5");
    assert.match(more("val")[0], /it has 4 images, all are listed/);
    assert.equal(more("val").length, 5);
    const alone = await data("check", folder, "--subset-seed", "1");
    assert.deepEqual(alone.code, 2);
    assert.match(alone.errors, /Cannot use --subset-seed alone: .*; add --list/);
  }));

Deno.test("data check tells missing test classes, and a folder without data sets", () =>
  withFolder(async (folder) => {
    await writeImageFolder(join(folder, "pets"), 8);
    Deno.renameSync(join(folder, "pets/test/dog"), join(folder, "pets/test/wolf"));
    const { code, output } = await data("check", join(folder, "pets"));
    assert.equal(code, 1);
    assert.match(
      output,
      /class dog is in train and not in test\n.*class wolf is in test and not in/,
    );
    Deno.mkdirSync(join(folder, "empty"));
    const empty = await data("check", join(folder, "empty"));
    assert.deepEqual([empty.code, empty.errors], [1, ""]);
    assert.match(empty.output, /no data set found/);
    const nowhere = await data("check", join(folder, "nowhere"));
    assert.equal(nowhere.code, 2);
    assert.match(nowhere.errors, /there is nothing there/);
  }));

Deno.test("data download knows its names, and what is there already", () =>
  withFolder(async (folder) => {
    const unknown = await data("download", "imagenet");
    assert.equal(unknown.code, 2);
    assert.match(
      unknown.errors,
      /Allowed choices are cifar10, cifar100, tiny-imagenet, fashion-mnist/,
    );
    write(join(folder, "cifar-10-binary.tar.gz"), "another file");
    const other = await data("download", "cifar10", "--data", folder);
    assert.equal(other.code, 2);
    assert.match(other.errors, /is there and is not the official file, by its checksum/);
  }));

Deno.test("data download --from takes the file from another place, and tells what is wrong with it", () =>
  withFolder(async (folder) => {
    const answer = () => ({ head: ["HTTP/1.1 404 Not Found", "content-length: 0"] });
    await withRawServer(answer, async (port, asked) => {
      const from = (url: string) => data("download", "cifar10", "--data", folder, "--from", url);
      const mirror = `http://127.0.0.1:${port}/pub/`;
      const missing = await from(mirror);
      assert.equal(missing.code, 2);
      assert.deepEqual(asked.map(({ path }) => path), ["/pub/cifar-10-binary.tar.gz"]);
      assert.match(missing.output, /^fetching http:.*\/pub\/cifar-10-binary\.tar\.gz/);
      assert.match(missing.errors, /answered 404 Not Found, look whether the data set has moved/);
      const set = ["fashion-mnist", "--data", folder, "--from"];
      await data("download", ...set, mirror);
      assert.equal(asked[1].path, "/pub/train-images-idx3-ubyte.gz");
      const one = await data("download", ...set, `${mirror}train-images-idx3-ubyte.gz`);
      assert.match(one.errors, /the data set has 4 files, and this names one; name the folder/);
      const other = await from("file:///data");
      assert.deepEqual([other.code, other.output], [2, ""]);
      assert.match(
        other.errors,
        /^error: Cannot use --from file:\/\/\/data: it begins with file:;/,
      );
      // No test may reach a host of the network.
      const unreached = await from("https://example.org/");
      assert.equal(unreached.code, 2);
      assert.match(
        unreached.errors,
        /this process may not reach example\.org; start it with \.\/wscl/,
      );
      assert.doesNotMatch(unreached.errors, /--allow-net/);
    });
    // A folder that was made for the files holds none.
    assert.deepEqual([...Deno.readDirSync(join(folder, "fashion-mnist"))], []);
  }));

Deno.test("data check reads idx files, and names what is wrong with them", () =>
  withFolder(async (folder) => {
    const labels = { train: [2, 0, 1, 2], test: [1, 2, 0] };
    writeIdx(join(folder, "digits"), labels);
    const sound = await data("check", folder);
    assert.deepEqual([sound.code, sound.errors], [0, ""], sound.output);
    assert.match(
      sound.output,
      /digits: idx files, 8 x 8 pixels\n {2}train: 3 classes, 4 images: 1 of most, 2 of 2\n {2}test: 3/,
    );
    writeIdx(join(folder, "fashion-mnist"), labels);
    const fashion = await data("check", join(folder, "fashion-mnist"));
    assert.match(fashion.output, /Fashion-MNIST, idx files/);
    assert.match(fashion.output, /note: train has 4 images, the published one 60000/);
    assert.match(fashion.output, /problem: .*: class Ankle boot has no images in train/);
    Deno.removeSync(join(folder, "digits/t10k-images-idx3-ubyte.gz"));
    write(join(folder, "digits/train-images-idx3-ubyte.gz"), idxImages(3, 8, () => 0));
    const broken = await data("check", join(folder, "digits"));
    assert.equal(broken.code, 1);
    assert.match(broken.output, /it has no file t10k-images-idx3-ubyte or/);
    assert.match(
      broken.output,
      /it has 4 labels, and .* has 3 images; the two do not belong together/,
    );
  }));
