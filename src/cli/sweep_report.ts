import { join } from "node:path";
import { replaceFile } from "../host/durable.ts";
import { findReportFolders, readParts } from "../host/report_folders.ts";
import { openReportTools } from "../host/report_tools.ts";
import { reportPage } from "../report/report.ts";
import type { Terminal } from "./terminal.ts";
import { quotedPath } from "../text.ts";

/** Leaves the report of a sweep whose runs are finished in its folder. What hinders it is said: the runs are there. */
export async function writeSweepReport(out: string, terminal: Terminal): Promise<void> {
  const path = join(out, "report.html");
  try {
    const parts = await readParts(findReportFolders([out]), (text) => terminal.print(text));
    const page = reportPage(parts, await openReportTools());
    replaceFile(path, page);
    terminal.print(`written: ${path}; open it in a browser`);
  } catch (error) {
    terminal.print(
      `no report yet: ${(error as Error).message}; later: ./wscl report ${quotedPath(out)} --out ${
        quotedPath(path)
      }`,
    );
  }
}
