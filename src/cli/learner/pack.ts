import { packTo, unpackTo } from "../../host/learner_place.ts";
import { waitingAtService } from "../../host/served_backlog.ts";
import { readState } from "../../continual/generation.ts";
import { nameText } from "../../images/look_alike.ts";
import type { Terminal } from "../terminal.ts";
import { quotedPath } from "../../text.ts";

/** Writes a learner as one file. */
export async function pack(learner: string, file: string, terminal: Terminal): Promise<void> {
  const bytes = await packTo(learner, file, (text) => terminal.print(text));
  terminal.print(
    `${file}: ${(bytes / 1e6).toFixed(1)} MB; ask it with ./wscl predict ${
      quotedPath(file)
    } IMAGE, or open it in the page`,
  );
  const served = waitingAtService(learner);
  if (served !== null) {
    terminal.print(
      `${served}, and not in ${file}: let the learner sleep on them there (POST /v1/sleep) and pack it again`,
    );
  }
}

/** Makes a folder of the learner in a file. */
export async function unpack(file: string, learner: string, terminal: Terminal): Promise<void> {
  const store = await unpackTo(file, learner);
  const { generation, classes } = await readState(store, () => {});
  terminal.print(
    `${learner}: generation ${generation}, which knows ${
      classes.map(({ name }) => nameText(name)).join(", ") || "no class"
    }`,
  );
}
