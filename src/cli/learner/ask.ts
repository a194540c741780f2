import type { Given } from "../../continual/given.ts";
import { countAnswers, type ExamResult } from "../../continual/examine.ts";
import {
  type Generation,
  type Knowledge,
  readGeneration,
  readKnowledge,
  readLast,
} from "../../continual/generation.ts";
import { type Prediction, Predictor } from "../../continual/predictor.ts";
import { sha256 } from "../../digest.ts";
import { InputError } from "../../errors.ts";
import { textTable } from "../../experiment/report.ts";
import type { ProviderName } from "../../gpu/provider.ts";
import { learnerHost } from "../../host/learner_host.ts";
import { readAsked, readBytes, readTaught } from "../../host/learner_images.ts";
import { learnerAt } from "../../host/learner_place.ts";
import { nameText } from "../../images/look_alike.ts";
import { csvLine, quotedPath } from "../../text.ts";
import type { Terminal } from "../terminal.ts";

/** What `wscl predict` and `wscl exam` share, in plain values. */
interface AskOptions {
  readonly learner: string;
  readonly cacheDir: string;
  readonly provider: ProviderName;
  readonly skipSelfTest: boolean;
}

/** `wscl predict`, in plain values. */
export interface PredictOptions extends AskOptions {
  /** A file, a folder, or `-` for an image on standard input. */
  readonly images: string;
  /** Answers that are told of each image. */
  readonly top: number;
  readonly format: "text" | "json" | "csv";
}

/** `wscl exam`, in plain values. */
export interface ExamOptions extends AskOptions {
  /** Folder of class folders; without it, the images that were set apart. */
  readonly images?: string;
  readonly json: boolean;
}

/** What is printed for an image that is none of the classes. */
const NONE = "none of these";

/** Tells what a learner sees in images; returns the exit code: 1 where some of a folder could not be read. */
export async function predict(
  options: PredictOptions,
  terminal: Terminal,
  printError: (text: string) => void,
): Promise<number> {
  const { learner: path, images, top, format } = options;
  // Beside the answers, which may be JSON or CSV for another program.
  const warn = printError;
  const knowledge = await readKnowledge(await learnerAt(path), warn);
  refuseIgnorance(path, knowledge);
  const { size } = knowledge.state.settings;
  let failures = 0;
  const asked: Given[] = images === "-"
    ? [await fromStandardInput(size)]
    : await readAsked(images, {
      size,
      progress: (done, total, what) => terminal.live(`${what}: ${done} of ${total}`),
      failed: (message) => {
        failures++;
        printError(`error: ${message}`);
      },
      note: warn,
    });
  terminal.live("");
  if (asked.length === 0) return 1;
  const predictions = await answer(knowledge, asked, options);
  const most = Math.min(top, knowledge.state.classes.length);
  terminal.print(FORMATS[format](asked, predictions, most));
  return failures > 0 ? 1 : 0;
}

/** Examines a learner: accuracy by class, and what is taken for what. */
export async function exam(
  options: ExamOptions,
  terminal: Terminal,
  printError: (text: string) => void,
): Promise<void> {
  const { learner: path, images, json } = options;
  const store = await learnerAt(path);
  const warn = json ? printError : (text: string) => terminal.print(text);
  const { found } = await readLast(store, (name) => readGeneration(store, name), warn);
  refuseIgnorance(path, found);
  const given: readonly Given[] = images === undefined
    ? found.exam
    : await readTaught(images, undefined, {
      size: found.state.settings.size,
      progress: (done, total, what) => terminal.live(`${what}: ${done} of ${total}`),
      note: warn,
      examines: true,
    });
  terminal.live("");
  if (given.length === 0) {
    throw new InputError(
      `Cannot examine ${path}: no images of its classes were set apart; name a folder of images`,
    );
  }
  if (images !== undefined) await tellOfLearned(found, given, warn);
  const predictions = await answer(found, given, options);
  const known = found.state.classes.map(({ name }) => name);
  const result = countAnswers(known, given.map(({ label }) => label), predictions);
  terminal.print(json ? examJson(result) : examText(result));
}

/** Images that were learned from say little of others. */
async function tellOfLearned(
  { trained }: Generation,
  given: readonly Given[],
  warn: (text: string) => void,
): Promise<void> {
  const learned = new Set(trained.map(({ digest }) => digest));
  const digests = await Promise.all(given.map(({ pixels }) => sha256(pixels)));
  const count = digests.filter((digest) => learned.has(digest)).length;
  if (count === 0) return;
  warn(
    `${count} of the ${given.length} images ${
      count === 1 ? "was" : "were"
    } learned from: the others alone would be an exam`,
  );
}

async function answer(
  knowledge: Knowledge,
  asked: readonly Given[],
  safety: AskOptions,
): Promise<Prediction[]> {
  const host = learnerHost(safety);
  const gpu = await host.openGpu();
  try {
    const predictor = new Predictor(gpu, knowledge, asked.length);
    await host.testKernels?.(gpu, predictor.config, {
      emit: () => {},
      shouldStop: () => false,
      proceed: () => {},
    });
    return await predictor.predict(asked.map(({ pixels }) => pixels));
  } finally {
    gpu.destroy();
  }
}

async function fromStandardInput(size: number): Promise<Given> {
  let bytes: Uint8Array<ArrayBuffer>;
  try {
    bytes = await new Response(Deno.stdin.readable).bytes();
  } catch (error) {
    const isFolder = error instanceof Deno.errors.IsADirectory ||
      (error as Error).message.includes("os error 21");
    throw new InputError(
      `Cannot read the image on standard input: ${
        isFolder ? "it is a folder" : (error as Error).message
      }; send the bytes of a JPEG or PNG file, or ` +
        "name a file or a folder in the place of -",
    );
  }
  return { label: "", from: "-", pixels: await readBytes(bytes, "standard input", size) };
}

function refuseIgnorance(path: string, { state }: Knowledge): void {
  if (state.classes.length > 0) return;
  throw new InputError(
    `Cannot ask ${path}: it has learned nothing yet; teach it with ./wscl learn ${
      quotedPath(path)
    } DIR`,
  );
}

type Format = (
  asked: readonly Given[],
  predictions: readonly Prediction[],
  top: number,
) => string;

const FORMATS: Readonly<Record<PredictOptions["format"], Format>> = {
  text: (asked, predictions, top) =>
    predictions.map(({ answers, none }, i) => {
      const told = answers.slice(0, top)
        .map(({ name, probability }) => `${nameText(name)} ${percent(probability)}`);
      const names = none ? `${NONE} (${told.join(", ")})` : told.join(", ");
      return asked.length === 1 ? names : `${asked[i].from}: ${names}`;
    }).join("\n"),
  json: (asked, predictions, top) =>
    JSON.stringify(
      predictions.map(({ answers, none, familiarity }, i) => ({
        image: asked[i].from,
        class: none ? null : answers[0].name,
        familiarity: Number(familiarity.toFixed(6)),
        answers: answers.slice(0, top).map(({ name, probability }) => ({
          class: name,
          probability: Number(probability.toFixed(6)),
        })),
      })),
      null,
      2,
    ),
  csv: (asked, predictions, top) =>
    [
      [
        ...["image", "class"],
        ...Array.from({ length: top }, (_, i) => [`class_${i + 1}`, `p_${i + 1}`]).flat(),
      ],
      ...predictions.map(({ answers, none }, i) => [
        asked[i].from,
        none ? "" : answers[0].name,
        ...Array.from({ length: top }, (_, place) => {
          const told = answers[place];
          return [told?.name, told?.probability.toFixed(6)];
        }).flat(),
      ]),
    ].map(csvLine).join("\n"),
};

function percent(probability: number): string {
  return `${(100 * probability).toFixed(0)} %`;
}

/** Images by the class that was asked for and the one that was answered. */
function examJson({ classes, confusion, none, images, right }: ExamResult): string {
  const asked = classes.flatMap((name, i) => {
    const answered = confusion[i].flatMap((count, other) =>
      count > 0 ? [{ class: classes[other], images: count }] : []
    );
    const count = answered.reduce((sum, one) => sum + one.images, 0);
    return count === 0
      ? []
      : [{ class: name, images: count, right: confusion[i][i], none: none[i], answered }];
  });
  return JSON.stringify({ images, right, classes: asked }, null, 2);
}

/** More classes than these do not stand side by side. */
const MOST_COLUMNS = 12;

function examText({ classes, confusion, none, images, right }: ExamResult): string {
  const asked = classes.flatMap((_, i) => confusion[i].some((count) => count > 0) ? [i] : []);
  const sum = (row: readonly number[]) => row.reduce((a, b) => a + b, 0);
  const rows = asked.map((i) => {
    const count = sum(confusion[i]);
    const mistaken = confusion[i].map((times, other) => ({ times, other }))
      .filter(({ times, other }) => times > 0 && other !== i)
      .sort((a, b) => b.times - a.times).slice(0, 3)
      .map(({ times, other }) => `${nameText(classes[other])} ${times}`);
    return [
      nameText(classes[i]),
      String(count),
      percent(confusion[i][i] / count),
      String(none[i]),
      mistaken.join(", ") || "-",
    ];
  });
  const header = ["class", "images", "right", NONE, "taken for"];
  const all = ["all", String(images), percent(right / images), String(sum(none)), ""];
  const table = `${textTable([header, ...rows, all], 1)}\n\n` +
    `Right and taken for go by the best class, also where predict says "${NONE}".`;
  if (classes.length > MOST_COLUMNS) return table;
  const matrix = [
    ["asked \\ answered", ...classes.map((name) => nameText(name))],
    ...asked.map((i) => [nameText(classes[i]), ...confusion[i].map(String)]),
  ];
  return `${table}\n\n${textTable(matrix, 1)}`;
}
