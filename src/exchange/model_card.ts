import denoConfig from "../../deno.json" with { type: "json" };
import { type Marks, type NightRecord, together } from "../continual/record.ts";
import type { LearnerState } from "../continual/state.ts";
import type { ExperimentConfig } from "../experiment/config_types.ts";
import { methodLabel, textTable } from "../experiment/report.ts";
import type { AccuracySummary, Summary } from "../experiment/summary.ts";
import type { Stem } from "../net/resnet18.ts";
import { quotedPath, visibleText } from "../text.ts";
import type { ExportFormat } from "./export_formats.ts";
import type { ClassHead } from "./onnx_resnet18.ts";

/** How the weights came about: in a run, as a summary and a configuration tell it, or in a learner's nights. */
export type Story =
  | {
    readonly kind: "run";
    readonly config: ExperimentConfig;
    /** Null: it did not come to write one. */
    readonly summary: Summary | null;
  }
  | {
    readonly kind: "learner";
    readonly state: LearnerState;
    /** The night behind its last dawn; null: there was none. */
    readonly record: NightRecord | null;
  };

/** What is known of weights that are to leave the program. */
export interface WeightsFacts {
  /** Of the folder that they are from. */
  readonly name: string;
  /** In the order of their heads. */
  readonly classes: readonly ClassHead[];
  /** All output columns, those without a class included. */
  readonly heads: number;
  /** Pixels. */
  readonly size: number;
  /** Per colour, of values from 0 to 1. */
  readonly mean: readonly number[];
  readonly std: readonly number[];
  readonly width: number;
  readonly stem: Stem;
  readonly story: Story;
}

/** What a card says. */
export interface CardFacts extends WeightsFacts {
  readonly format: ExportFormat;
  /** The name of the file that the card is beside. */
  readonly file: string;
  /** An identifier of the hub's list; null: it is not known. */
  readonly license: string | null;
  /** Numbers that were learned. */
  readonly parameters: number;
  readonly half: boolean;
}

/**
 * A model card: the README.md that the Hugging Face hub shows, and whose head it reads (YAML, of which JSON's strings
 * are a part).
 */
export function modelCard(facts: CardFacts): string {
  const sections = [
    introduction(facts),
    classSection(facts),
    imageSection(facts),
    facts.format === "onnx" ? onnxUse(facts) : safetensorsUse(facts),
    trainingSection(facts),
    accuracySection(facts),
    limits(facts),
  ];
  return visibleText(`${head(facts)}\n${sections.join("\n\n")}\n`);
}

// ---- The head that the hub reads ---------------------------------------------------------------

function head(facts: CardFacts): string {
  const { format, license, name } = facts;
  const tags = ["image-classification", "continual-learning", "resnet-18", "wscl", format];
  const results = measured(facts);
  return [
    "---",
    `license: ${JSON.stringify(license ?? "unknown")}`,
    `library_name: ${format === "onnx" ? "onnx" : "wscl"}`,
    "pipeline_tag: image-classification",
    "tags:",
    ...tags.map((tag) => `- ${tag}`),
    ...results.length === 0 ? [] : [
      "metrics:",
      "- accuracy",
      "model-index:",
      `- name: ${JSON.stringify(name)}`,
      "  results:",
      "  - task:",
      "      type: image-classification",
      "    dataset:",
      `      name: ${JSON.stringify(measuredOn(facts))}`,
      `      type: ${JSON.stringify(slug(measuredOn(facts)))}`,
      "    metrics:",
      ...results.flatMap(([name, percent]) => [
        "    - type: accuracy",
        `      name: ${JSON.stringify(name)}`,
        `      value: ${percent.toFixed(2)}`,
      ]),
    ],
    "---",
    "",
  ].join("\n");
}

/** Accuracies in percent, over all classes. */
function measured({ story }: CardFacts): [name: string, percent: number][] {
  if (story.kind === "run") {
    const final = (name: string, accuracy?: AccuracySummary): [string, number][] =>
      typeof accuracy?.finalAverage === "number" ? [[name, accuracy.finalAverage]] : [];
    return [
      ...final("Class-IL accuracy, %", story.summary?.classIl),
      ...final("Task-IL accuracy, %", story.summary?.taskIl),
    ];
  }
  const { images, right } = examOf(story.state);
  return images === 0 ? [] : [["accuracy in the exam, %", 100 * right / images]];
}

function measuredOn({ story, name }: CardFacts): string {
  return story.kind === "run"
    ? `${story.summary?.dataset || story.config.name}, test images`
    : `exam of ${name}`;
}

const slug = (text: string) => text.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, "-");

// ---- What people read --------------------------------------------------------------------------

function introduction(
  { name, classes, size, width, parameters, format, file, half, story }: CardFacts,
): string {
  const tasks = story.kind === "run" ? story.config.data.tasks : 1;
  const how = story.kind === "learner"
    ? `It learned them in ${quantity(story.state.nights, "night")} and can go on learning`
    : tasks === 1
    ? "It learned them all at once"
    : `It learned them in ${tasks} tasks, one after the other`;
  return [
    `# ${cell(name)}`,
    "",
    `\`${file}\` tells ${
      quantity(classes.length, "class", "classes")
    } of images apart: a ResNet-18 of width ` +
    `${width} for images of ${size}x${size} pixels, ${
      parameters.toLocaleString("en-US")
    } parameters, as ` +
    `${
      format === "onnx" ? "ONNX" : `safetensors${half ? " in F16" : ""}`
    }. ${how}; it was made by wscl ` +
    `${denoConfig.version}, a trainer for continual learning.`,
  ].join("\n");
}

function classSection({ classes, format, story }: CardFacts): string {
  const exam = story.kind === "learner"
    ? new Map(story.state.classes.map(({ name, exam }) => [name, exam]))
    : null;
  const task = story.kind === "run"
    ? new Map(
      (story.summary?.heads ?? []).flatMap(({ task, classes }) =>
        classes.map((name) => [name, task + 1] as const)
      ),
    )
    : null;
  const place = format === "onnx" ? "logit" : "output";
  const rows = classes.map(({ name, head }, i) => [
    cell(name),
    String(format === "onnx" ? i : head),
    ...exam ? [marks(exam.get(name))] : [],
    ...task ? [String(task.get(name) ?? "-")] : [],
  ]);
  const header = ["class", place, ...exam ? ["exam"] : [], ...task ? ["learned in task"] : []];
  return `## Classes\n\n${textTable([header, ...rows], 1)}`;
}

function imageSection({ format, size, mean, std, story }: CardFacts): string {
  const cut = story.kind === "learner" ||
      (story.config.data.train.format === "image_folder" &&
        story.config.data.train.resize === "cover")
    ? "the square in the middle of the upright image, resized"
    : "as in the data set that it was trained on";
  const numbers = format === "onnx"
    ? "RGB, channels first, from 0 to 255; the file itself divides by 255 and normalises by mean "
    : "RGB, divided by 255, then normalised by mean ";
  return `## Images\n\n${size}x${size} pixels: ${cut}. Values: ${numbers}${mean.join(", ")} and ` +
    `deviation ${std.join(", ")}.`;
}

function onnxUse({ file, size }: CardFacts): string {
  return [
    "## Use",
    "",
    `Input \`image\`: float32 \`[batch, 3, ${size}, ${size}]\`. Output \`logits\`: float32 \`[batch, classes]\`. ` +
    "The names are in the file's metadata.",
    "",
    "```python",
    "import json, numpy, onnxruntime",
    "from PIL import Image, ImageOps",
    "",
    `session = onnxruntime.InferenceSession(${JSON.stringify(file)})`,
    'names = json.loads(session.get_modelmeta().custom_metadata_map["classes"])',
    'picture = ImageOps.exif_transpose(Image.open("picture.jpg")).convert("RGB")',
    `pixels = numpy.asarray(ImageOps.fit(picture, (${size}, ${size}), Image.LANCZOS), numpy.float32)`,
    '(logits,) = session.run(None, {"image": pixels.transpose(2, 0, 1)[None]})',
    "print(names[int(logits[0].argmax())])",
    "```",
  ].join("\n");
}

function safetensorsUse({ file, stem, heads }: CardFacts): string {
  const first = stem === "cifar"
    ? "a 3x3 convolution of stride 1 without pooling in front"
    : "a 7x7 convolution of stride 2 and 3x3 max pooling of stride 2 in front";
  return [
    "## Use",
    "",
    "```sh",
    `./wscl new LEARNER --start ${quotedPath(file)}   # go on from these weights`,
    "```",
    "",
    `Tensors have the names and layouts of a ResNet-18 in PyTorch with ${first} (\`conv1\`, \`bn1\`, ` +
    `\`layer1.0.conv1\`, ..., \`layer2.0.shortcut.0\`, \`linear\`), and ${heads} outputs. Metadata: \`classes\` by ` +
    "output (null: no class has taken it; leave it out of the softmax), `size`, `mean`, `std`.",
  ].join("\n");
}

function trainingSection({ story }: CardFacts): string {
  const rows = story.kind === "run" ? runRows(story.config, story.summary) : nightRows(story);
  return `## How it was trained\n\n${textTable([["", ""], ...rows], 2)}`;
}

function runRows(config: ExperimentConfig, summary: Summary | null): string[][] {
  const method = summary ?? { ...config, schedule: config.wscl.schedule };
  const { data: { tasks, classesPerTask } } = config;
  return [
    ["method", cell(methodLabel(method))],
    ...summary ? [["data", cell(summary.dataset)]] : [],
    ["tasks", `${tasks} of ${quantity(classesPerTask, "class", "classes")}`],
    ["images remembered", String(config.memory.longTerm)],
    ["seed", String(config.seed)],
    ...summary
      ? [
        ["training", `${summary.steps} steps on ${summary.images.toLocaleString("en-US")} images`],
        ["time", `${summary.seconds.toFixed(0)} s on ${cell(summary.adapter)}`],
        ...summary.completed ? [] : [["state", "stopped before its end"]],
      ]
      : [],
  ];
}

function nightRows({ state, record }: Extract<Story, { kind: "learner" }>): string[][] {
  const taught = state.classes.reduce((sum, { taught }) => sum + taught, 0);
  return [
    ...record ? [["method", cell(record.method)]] : [],
    ["generation", String(state.generation)],
    ["images taught", String(taught)],
    ["images remembered", String(state.classes.reduce((sum, one) => sum + one.remembered, 0))],
    [
      "training",
      `${quantity(state.nights, "night")}, ${state.steps} steps on ${
        state.images.toLocaleString("en-US")
      } images`,
    ],
    ["seed", String(state.settings.seed)],
    ...record ? [["adapter", cell(record.adapter)]] : [],
  ];
}

function accuracySection(facts: CardFacts): string {
  const { story } = facts;
  return `## Accuracy\n\n${
    story.kind === "run" ? runAccuracy(story.summary) : examText(story.state)
  }`;
}

function runAccuracy(summary: Summary | null): string {
  const last = summary?.classIl.matrix.at(-1);
  if (!summary || !last) return "Nothing was measured: the run was stopped in its first task.";
  const taskIl = summary.taskIl.matrix.at(-1) ?? [];
  const rows = last.map((value, task) => [
    String(task + 1),
    (summary.heads[task]?.classes ?? []).map(cell).join(", "),
    percent(value),
    percent(taskIl[task]),
  ]);
  const mean = ["all", "", percent(meanOf(last)), percent(meanOf(taskIl))];
  const header = ["task", "classes", "Class-IL", "Task-IL"];
  const lines = [
    textTable([header, ...rows, mean], 2),
    "",
    `On the test images of ${
      cell(summary.dataset)
    }, after task ${summary.classIl.matrix.length} of ` +
    `${summary.tasks}. Class-IL: right among all classes. Task-IL: right among the classes of the image's task.`,
  ];
  const { forgetting } = summary.classIl;
  if (forgetting !== null) {
    lines.push(
      "",
      `Forgetting (Class-IL): ${
        forgetting.toFixed(2)
      } points between the best that a task was answered and the end, on average.`,
    );
  }
  return lines.join("\n");
}

function examText(state: LearnerState): string {
  const all = examOf(state);
  if (all.images === 0) return "It was never examined.";
  return `${
    marks(all)
  } in its last exam: images that were set apart when their classes were taught, and never ` +
    "trained on. By class: see above.";
}

function limits({ story, format }: CardFacts): string {
  const lines = [
    "It knows its classes and nothing else: an image of anything else gets the name of one of them.",
    "Right and wrong were counted on images from the same source as those that it learned from; others may be answered worse.",
    "No one has looked for what it does to people, and the images' licence is not known to it: judge both before you use or publish it.",
  ];
  if (story.kind === "learner") {
    lines.push(
      `The exam is small: ${quantity(examOf(story.state).images, "image")} in all.` +
        (format === "onnx"
          ? ' That an image is "none of these", which the learner can say, cannot be told from the logits of this file.'
          : ""),
    );
  }
  // A run that was stopped within its first task has measured nothing, and counted no labels.
  const isAdjusted = story.kind === "run" && story.config.evaluation.logitAdjustment > 0 &&
    (story.summary?.labels ?? []).length > 0;
  if (isAdjusted) {
    lines.push(
      format === "onnx"
        ? "The accuracies are those of logits that are adjusted by how often a class was a label; the file's are."
        : "The accuracies are those of logits that are adjusted by how often a class was a label; those of these weights are not.",
    );
  }
  return `## Limits\n\n${lines.map((line) => `- ${line}`).join("\n")}`;
}

// ---- Small words -------------------------------------------------------------------------------

function examOf({ classes }: LearnerState): Marks {
  return together(classes.map(({ exam }) => exam));
}

function marks(exam: Marks | undefined): string {
  return exam === undefined || exam.images === 0 ? "-" : `${exam.right} of ${exam.images}`;
}

function percent(value: number | null | undefined): string {
  return typeof value === "number" ? `${value.toFixed(2)} %` : "-";
}

function meanOf(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  return known.length === 0 ? null : known.reduce((sum, value) => sum + value, 0) / known.length;
}

function quantity(count: number, one: string, many = `${one}s`): string {
  return `${count.toLocaleString("en-US")} ${count === 1 ? one : many}`;
}

/** A text within a line of Markdown: what would be read as more than text is escaped. */
function cell(text: string): string {
  return text.replace(/\s+/g, " ").replace(/[\\`*_<>|[\]#]/g, "\\$&");
}
