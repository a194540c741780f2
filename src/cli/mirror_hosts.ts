import { mirrorHosts, readMirror } from "../data/mirror.ts";
import { InputError } from "../errors.ts";

// The launcher asks this, without any permission, what to permit for `--from URL`. An address that cannot be
// used is answered with nothing: the program itself says what is wrong with it.
try {
  console.log(mirrorHosts(readMirror(Deno.args[0] ?? "")).join(","));
} catch (error) {
  if (!(error instanceof InputError)) throw error;
}
