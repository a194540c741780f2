import { differingKeys, leaves } from "../experiment/report.ts";
import { type Html, markup, name } from "./html.ts";
import { whole } from "./numbers.ts";
import type { RowRecord, RunRecord, RunsPart } from "./records.ts";
import { crossTable, factList, folded } from "./tables.ts";

/** Rows whose configuration is shown whole. */
const MOST_CONFIGS = 8;

const firstOf = ({ runs }: RowRecord): RunRecord | null =>
  runs.find(({ record }) => record !== null)?.record ?? null;

/** Configurations: in what rows differ, in what runs of a row differ beside their seeds, and each whole. */
export function settingsContent({ rows }: RunsPart): Html {
  const there = rows.flatMap((row) => {
    const config = firstOf(row)?.config;
    return config ? [{ row, config }] : [];
  });
  if (there.length === 0) return markup`<p>There is no configuration any more.</p>`;
  const mixed = rows.flatMap(({ label, runs }) => {
    const keys = differingKeys(runs.flatMap(({ record }) => record?.config ?? []));
    return keys.length > 0 ? [{ label, keys }] : [];
  });
  return markup`${
    mixed.map(({ label, keys }) =>
      markup`<p class="warning">Not only seeds: the runs of ${name(label)} differ in ${
        keys.join(", ")
      }.</p>`
    )
  }${there.length > 1 ? differences(there) : ""}${
    there.slice(0, MOST_CONFIGS).map(({ row, config }) =>
      folded(
        markup`Whole configuration: ${name(row.label)}`,
        markup`<pre tabindex="0">${JSON.stringify(config, null, 2)}</pre>`,
      )
    )
  }${
    there.length > MOST_CONFIGS
      ? markup`<p class="note">The others are in config.json of each run.</p>`
      : ""
  }`;
}

function differences(rows: readonly { readonly row: RowRecord; readonly config: object }[]): Html {
  const flat = rows.map(({ config }) => new Map(leaves(config)));
  const keys = [...new Set(flat.flatMap((one) => [...one.keys()]))]
    .filter((key) => key !== "seed" && key !== "name")
    .filter((key) => flat.some((one) => one.get(key) !== flat[0].get(key)));
  if (keys.length === 0) return markup`<p>The rows have the same configuration.</p>`;
  const caption = "In what the rows differ";
  const cell = (i: number, key: string) => flat[i].get(key) ?? "–";
  return crossTable({
    caption,
    words: true,
    rows: ["key", keys],
    columns: ["row", rows.map(({ row }) => name(row.label))],
    cell: (key, row) => cell(row, keys[key]),
  });
}

/** Where it was computed, and on what. */
export function environmentContent({ rows, commit }: RunsPart): Html {
  const records = rows.flatMap(({ runs }) => runs.flatMap(({ record }) => record ?? []));
  const different = (value: (record: RunRecord) => string) =>
    [...new Set(records.map(value).filter((text) => text !== ""))].join("; ") || "–";
  const log = firstOf(rows[0])?.log() ?? null;
  const start = log?.start;
  return factList([
    ["adapter", different(({ summary }) => summary.adapter)],
    ["WebGPU of", different(({ summary }) => summary.provider)],
    ["Deno", different(({ summary }) => summary.denoVersion)],
    ["precision", different(({ summary }) => summary.precision)],
    ["data set", different(({ summary }) => summary.dataset)],
    ...commit ? [["commit", commit] as const] : [],
    ...start
      ? [
        ["classes", `${start.data.classes}, ${start.data.leftOut.length} left out`] as const,
        [
          "images",
          `${whole(start.data.train)} to train, ${whole(start.data.test)} to test, ${
            whole(start.data.dreams)
          } to dream of`,
        ] as const,
        ["parameters", whole(start.parameters)] as const,
        ["GPU memory", log!.gpuBytes > 0 ? `${(log!.gpuBytes / 1e6).toFixed(1)} MB` : "–"] as const,
        [
          "digest of the training images",
          markup`<code>${start.data.digests.train}</code>`,
        ] as const,
        ["digest of the test images", markup`<code>${start.data.digests.test}</code>`] as const,
      ]
      : [],
    ...records.some(({ summary }) => summary.kernels)
      ? [
        [
          "kernels of one's own",
          different(({ summary }) =>
            (summary.kernels ?? []).map(({ op, file }) => `${op} ${file}`).join(", ")
          ),
        ] as const,
      ]
      : [],
  ]);
}

/** How the same numbers are had again. */
export function againContent({ again }: RunsPart): Html {
  return markup`<pre tabindex="0">${
    again.join("\n")
  }</pre><p class="note">On the same adapter, with the same version of
program and driver, a run ends with the same bits.</p>`;
}
