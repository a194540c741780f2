import { fallOf, type Marks, type NightRecord, together } from "../../continual/record.ts";
import type { LearnerState } from "../../continual/state.ts";
import { textTable } from "../../experiment/report.ts";
import { nameText } from "../../images/look_alike.ts";

/** `75 % of 8`; `-` for no exam. */
export function marksText(marks: Marks | null): string {
  if (marks === null || marks.images === 0) return "-";
  return `${Math.round(100 * marks.right / marks.images)} % of ${marks.images}`;
}

/** Percent of several exams together; `-` for none. */
export function togetherText(marks: readonly Marks[]): string {
  return marksText(together(marks));
}

/** `9 of 12` */
function countText(classes: NightRecord["classes"], key: "before" | "after"): string {
  const { images, right } = together(classes.map((one) => one[key]));
  return `${right} of ${images}`;
}

/** What a night has come to: class by class, what it was and is. */
export function nightText(
  record: NightRecord,
  seconds: number,
  { settings }: LearnerState,
): string {
  const { classes, night, steps, images, dreams, freezing, generation, passed } = record;
  const rows = classes.map(({ name, learned, apart, before, after, exam, remembered }) => [
    nameText(name),
    learned + apart === 0 ? "-" : `${learned} + ${apart}`,
    String(remembered),
    marksText(before),
    marksText(after),
    marksText(exam),
  ]);
  const of = (key: "before" | "after" | "exam") =>
    togetherText(classes.flatMap((one) => one[key] ?? []));
  const together = ["all", "", "", of("before"), of("after"), of("exam")];
  const header = ["class", "learned + exam", "remembered", "before", "after", "exam"];
  const fall = fallOf(classes);
  const frozen = freezing === null ? "" : `, ${freezing.chosen} blocks frozen`;
  const dreamt = dreams.images > 0
    ? `dreamt of ${dreams.images} images on ${dreams.heads} head${dreams.heads === 1 ? "" : "s"}`
    : "dreamt of nothing";
  return [
    `night ${night}: ${steps} steps on ${images} images in ${
      seconds.toFixed(1)
    } s, ${dreamt}${frozen}`,
    "",
    textTable([header, ...rows, together], 1),
    "",
    ...fall === null ? [] : [
      `earlier classes: ${countText(classes, "before")} right before and ${
        countText(classes, "after")
      } after the night, the same images${
        fall > 0 ? `: ${Number(fall.toFixed(1))} points less` : ""
      } (up to ${settings.margin} points are let through)`,
    ],
    passed
      ? `learned: generation ${generation}`
      : `refused at dawn: the learner stays as it was, and what it was taught waits`,
  ].join("\n");
}
