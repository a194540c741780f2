import type { Confusion } from "../experiment/summary.ts";
import { type ChartWidth, figure, type Tools } from "./figure.ts";
import { type Html, markup, name } from "./html.ts";
import { sum, upTo, whole } from "./numbers.ts";
import { dataUrl } from "./pictures.ts";
import { dataTable, folded, heatTable } from "./tables.ts";

/** Classes whose counts are set as a table; more are drawn. */
export const MOST_IN_TABLE = 26;

/** Mistakes that are listed. */
const MOST_LISTED = 15;

/** Counts of several runs together; those whose classes are others than the first's are left out. */
export function added(found: readonly Confusion[]): { confusion: Confusion; runs: number } | null {
  const [first] = found;
  if (!first) return null;
  const key = (one: Confusion) => JSON.stringify(one.classes);
  const same = found.filter((one) => key(one) === key(first));
  const counts = first.counts.map((row, i) =>
    row.map((_, j) => sum(same.map((one) => one.counts[i][j])))
  );
  const elsewhere = first.elsewhere.map((_, i) => sum(same.map((one) => one.elsewhere[i])));
  return { confusion: { classes: first.classes, counts, elsewhere }, runs: same.length };
}

/** What is taken for what: the matrix, the most frequent mistakes, and every count as text. */
export function confusionContent(tools: Tools, confusion: Confusion, about: string): Html {
  const { classes, counts, elsewhere } = confusion;
  const totals = counts.map((row, i) => sum(row) + elsewhere[i]);
  const right = sum(counts.map((row, i) => row[i]));
  return markup`<p>${about} ${whole(right)} of ${whole(sum(totals))} test images are answered right.
Rows: the class of the image. Columns: the answer, by the number of its class.${
    classes.length <= MOST_IN_TABLE ? " Colours: share of the row." : ""
  }</p>${
    classes.length <= MOST_IN_TABLE
      ? countsTable(confusion, totals)
      : countsPicture(tools, confusion, totals)
  }${mistakesTable(confusion, totals)}`;
}

function countsTable({ classes, counts, elsewhere }: Confusion, totals: readonly number[]): Html {
  const others = elsewhere.some((count) => count > 0);
  return heatTable({
    caption: "Confusion matrix: images by class and answer",
    corner: "class",
    columns: [
      ...classes.map((text, i) => ({ shown: i + 1, said: `${i + 1} ${text}` })),
      ...others ? [{ shown: "free", said: "a head that no class has" }] : [],
    ],
    rows: classes.map((text, i) => ({
      head: markup`<span class="number">${i + 1}</span> ${name(text)}`,
      cells: [...counts[i], ...others ? [elsewhere[i]] : []].map((count) => ({
        share: totals[i] > 0 ? 100 * count / totals[i] : 0,
        text: String(count),
      })),
    })),
  });
}

function countsPicture(tools: Tools, confusion: Confusion, totals: readonly number[]): Html {
  const { classes, counts, elsewhere } = confusion;
  const size = classes.length;
  // One pixel a cell, of the colour of the other matrices, as strong as its share of the row.
  const pixels = new Uint8Array(size * size * 4);
  counts.forEach((row, i) =>
    row.forEach((count, j) => {
      const share = totals[i] > 0 ? count / totals[i] : 0;
      pixels.set([43, 123, 190, Math.round(255 * Math.sqrt(share))], 4 * (i * size + j));
    })
  );
  const src = dataUrl(tools.png(pixels, size, size, 4));
  const draw = ({ width, narrow }: ChartWidth) => {
    const side = Math.min(width, 560) - 60;
    return {
      height: side + 70,
      ...{ marginLeft: 44, marginRight: width - 44 - side, marginTop: 20, marginBottom: 50 },
      x: {
        label: "answer (number of the class)",
        domain: [0.5, size + 0.5],
        ticks: narrow ? 5 : 10,
      },
      y: { label: "class", domain: [size + 0.5, 0.5], ticks: narrow ? 5 : 10 },
      marks: [
        tools.plot.image([0], {
          ...{ frameAnchor: "middle", width: side, height: side, src: () => src },
          ...{ preserveAspectRatio: "none", imageRendering: "pixelated" },
        }),
        tools.plot.ruleX([0.5, size + 0.5], { strokeOpacity: 0.4 }),
        tools.plot.ruleY([0.5, size + 0.5], { strokeOpacity: 0.4 }),
      ],
    };
  };
  return figure(tools, {
    title: "Confusion matrix",
    about:
      `${size} classes; the stronger a point, the larger its share of the row. What is right lies on the diagonal.`,
    draw,
    numbers: dataTable({
      caption: "Answers to the images of each class, the most frequent first",
      words: [3],
      head: ["class", "images", "right", "answers"],
      rows: classes.map((text, i) => {
        const answers = counts[i].map((count, j) => ({ count, answer: classes[j] }))
          .filter(({ count }) => count > 0).sort((a, b) => b.count - a.count);
        return [
          markup`<span class="number">${i + 1}</span> ${name(text)}`,
          totals[i],
          counts[i][i],
          markup`<span class="list">${
            answers.map(({ count, answer }, place) =>
              markup`${place > 0 ? ", " : ""}${name(answer)} ${count}`
            )
          }${elsewhere[i] > 0 ? `, a free head ${elsewhere[i]}` : ""}</span>`,
        ];
      }),
    }),
  });
}

function mistakesTable({ classes, counts }: Confusion, totals: readonly number[]): Html {
  const mistakes = upTo(classes.length).flatMap((i) =>
    counts[i].flatMap((count, j) => i === j || count === 0 ? [] : [{ i, j, count }])
  ).sort((a, b) => b.count - a.count || a.i - b.i || a.j - b.j);
  if (mistakes.length === 0) {
    return markup`<p class="note">No image of a class is taken for another.</p>`;
  }
  const table = dataTable({
    caption: `The most frequent mistakes, ${
      Math.min(MOST_LISTED, mistakes.length)
    } of ${mistakes.length} kinds`,
    head: ["class", "taken for", "images", "% of the class"],
    words: [1],
    rows: mistakes.slice(0, MOST_LISTED).map(({ i, j, count }) => [
      name(classes[i]),
      name(classes[j]),
      count,
      (100 * count / totals[i]).toFixed(1),
    ]),
  });
  return folded("The most frequent mistakes", table);
}
