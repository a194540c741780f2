/** What was asked of the server. */
export interface Asked {
  /** 0 for the first request. */
  readonly nth: number;
  readonly path: string;
  /** First byte of the range, `null` for the whole. */
  readonly start: number | null;
}

/** A status line, header lines and a body, sent as they are, or nothing at all. */
export interface RawAnswer {
  readonly head: readonly string[];
  readonly body?: Uint8Array;
}

/**
 * Answers requests with what `answer` says, byte by byte, and closes each connection: also what no server
 * should say, such as a length that does not fit.
 */
export async function withRawServer(
  answer: (asked: Asked) => RawAnswer | null,
  use: (port: number, asked: readonly Asked[]) => Promise<void>,
): Promise<void> {
  const all: Asked[] = [];
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const serving = (async () => {
    for await (const connection of listener) await serve(connection, answer, all);
  })();
  try {
    await use(listener.addr.port, all);
  } finally {
    listener.close();
    await serving;
  }
}

async function serve(
  connection: Deno.Conn,
  answer: (asked: Asked) => RawAnswer | null,
  all: Asked[],
): Promise<void> {
  using _ = connection;
  const request = await requestOf(connection);
  const range = /^range: bytes=(\d+)-\r$/im.exec(request)?.[1];
  const asked = {
    nth: all.length,
    path: request.split(" ")[1],
    start: range === undefined ? null : Number(range),
  };
  all.push(asked);
  const given = answer(asked);
  if (given === null) return;
  const head = [...given.head, "connection: close", "", ""].join("\r\n");
  const bytes = [...new TextEncoder().encode(head), ...given.body ?? []];
  for (let rest = Uint8Array.from(bytes); rest.length > 0;) {
    try {
      rest = rest.subarray(await connection.write(rest));
    } catch (error) {
      // Who asked has heard enough.
      if (error instanceof Deno.errors.BrokenPipe) return;
      if (error instanceof Deno.errors.ConnectionReset) return;
      throw error;
    }
  }
}

async function requestOf(connection: Deno.Conn): Promise<string> {
  let text = "";
  const buffer = new Uint8Array(4096);
  while (!text.includes("\r\n\r\n")) {
    const count = await connection.read(buffer);
    if (count === null) break;
    text += new TextDecoder().decode(buffer.subarray(0, count));
  }
  return text;
}
