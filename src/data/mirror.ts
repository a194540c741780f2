import { InputError } from "../errors.ts";
import type { DownloadSet } from "./downloads.ts";

/** A name or an address, as URL gives it, that Deno can be told to permit. */
const HOST = /^([a-z0-9_-]+(\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\])$/;

/**
 * Another place to fetch a data set from.
 *
 * @param text A web address: of the file, or, with a slash at its end, of the folder that holds it.
 * @throws {InputError} If it is no address of the kind.
 */
export function readMirror(text: string): URL {
  const refuse = (found: string, fix: string): never => {
    const shown = text.replace(/^([^/]*\/\/)[^/]*@/, "$1...@"); // passwords are not for printing
    throw new InputError(`Cannot use --from ${shown}: ${found}; ${fix}`);
  };
  const url = URL.parse(text);
  const example = "such as https://example.org/data/";
  if (url === null) return refuse("it is no web address", `name one, ${example}`);
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    return refuse(
      `it begins with ${url.protocol}`,
      `only http: and https: can be fetched, ${example}; a file that you have is put into the data folder`,
    );
  }
  if (url.username !== "" || url.password !== "") {
    return refuse(
      "it has a user name or a password, which others could read in the list of processes",
      "download the file by hand and put it into the data folder",
    );
  }
  if (!HOST.test(url.hostname) || url.hostname.length > 253) {
    return refuse(
      `its host ${url.hostname} has other characters than letters, digits, dots and hyphens`,
      "name the host by its address",
    );
  }
  url.hash = "";
  return url;
}

/** The hosts that a place stands for, as Deno permits them: itself, and with http: its https: as well. */
export function mirrorHosts({ protocol, hostname, port }: URL): string[] {
  if (port !== "") return [`${hostname}:${port}`];
  return protocol === "https:" ? [`${hostname}:443`] : [`${hostname}:80`, `${hostname}:443`];
}

/** The same files at another place. @throws {InputError} If one file is named where the set has several. */
export function atMirror({ folder, files }: DownloadSet, mirror: URL): DownloadSet {
  const hosts = mirrorHosts(mirror);
  const isFolder = mirror.pathname.endsWith("/");
  if (!isFolder && files.length > 1) {
    throw new InputError(
      `Cannot use --from ${mirror.href}: the data set has ${files.length} files, and this names one; ` +
        "name the folder that holds them, with a slash at its end",
    );
  }
  return {
    folder,
    files: files.map((file) => {
      const url = new URL(mirror);
      if (isFolder) url.pathname += file.file;
      return { ...file, url: url.href, hosts };
    }),
  };
}
