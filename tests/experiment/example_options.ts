const drawn = (kind: "shapes" | "dreams") => ({
  format: "drawn",
  drawn: { kind, classes: 4, trainPerClass: 8, testPerClass: 4 },
} as const);

/** The least that a user can write. */
export function exampleOptions(changes: Record<string, unknown> = {}) {
  return {
    name: "example",
    data: { tasks: 2, classesPerTask: 2, train: drawn("shapes"), dreams: drawn("dreams") },
    ...changes,
  };
}
