import { command, flag, parsed, text } from "../command.ts";
import { port } from "../values.ts";

const PORT = 8017;

/** `wscl page`. */
export const page = command({
  name: "page",
  summary: "make the page that teaches a learner in a browser, and serve it",
  description:
    "Makes a folder that any web server can offer: a page in which a learner lives in the visitor's browser, on the " +
    "visitor's own GPU. Serves it on this machine to look at. The bundler is fetched at its first use (10 MB).",
  options: {
    out: text("<folder>", "folder of the page", { path: "write", default: "runs/page" }),
    port: parsed("<number>", "port on 127.0.0.1", port, PORT),
    onlyBuild: flag("make the folder, and serve nothing"),
  },
  needs: {
    startsDeno: true,
    hosts: ({ port }) => {
      const asked = port?.at(-1) ?? "";
      // What is no port is refused by the command line.
      return [`127.0.0.1:${/^[1-9]\d{0,4}$/.test(asked) && Number(asked) < 65536 ? asked : PORT}`];
    },
  },
  async run(options, { terminal }) {
    const { page } = await import("../page.ts");
    return await page(options, terminal);
  },
});
