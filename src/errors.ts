/**
 * What the user gave cannot be used: a config key, a file, an option, an image. The message follows
 * "action: what was found, and the fix". The command line prints it without a stack trace and exits
 * with code 2; every other error is a failure of the run or of the program and exits with code 1.
 */
export class InputError extends Error {
  /** Also tells it from other errors behind a worker's border. */
  override name = "InputError";
}
