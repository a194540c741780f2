/** A service as a process: what it refuses, what it permits, storage, and another way to start it. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { copyFolder } from "../continual/learner_folders.ts";
import { withFolder } from "../data/fixtures.ts";
import { bear, figures, lastFiles, post, Served, TOKEN } from "./served.ts";
import { KEYS, startStorage } from "./storage.ts";

const adapter = await (navigator.gpu as GPU | undefined)?.requestAdapter() ?? null;
const at = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));

function onGpu(name: string, fn: (folder: string) => Promise<void>): void {
  Deno.test({
    name,
    ignore: adapter === null || Deno.build.os === "windows",
    fn: () => withFolder(fn),
  });
}

onGpu("who has no token, is too fast, or sends too much is told so", async (folder) => {
  const learner = join(folder, "learner");
  await bear(learner);
  await using service = await Served.start(learner, "--rate", "3", "--max-body", "1");
  const pages = ["/v1/classes", "/metrics", "/openapi.json", "/v1/model", "/v1/events"];
  for (const authorization of ["", "Bearer x", `Basic ${TOKEN}`]) {
    const response = await service.ask(pages[0], { headers: { authorization } });
    const { error } = await response.json();
    assert.equal(response.status, 401);
    assert.match(error, /^Cannot answer: /);
  }
  for (const page of pages) {
    const response = await fetch(service.url + page);
    await response.text();
    assert([401, 429].includes(response.status), page);
  }
  // What is open says whether it lives and is ready, and nothing of the learner.
  const open = await Promise.all(
    ["/healthz", "/readyz"].map(async (page) => await (await fetch(service.url + page)).json()),
  );
  assert.deepEqual(open, [{ status: "ok" }, { ready: true, problem: null }]);
  await new Promise((resolve) => setTimeout(resolve, 2500));
  const answers = await Promise.all(Array.from({ length: 9 }, () => service.ask("/v1/classes")));
  const slow = answers.filter(({ status }) => status === 429);
  await Promise.all(answers.map((response) => response.text()));
  assert(slow.length > 0 && slow.length < 9, `${slow.length}`);
  assert.equal(slow[0].headers.get("retry-after"), "1");
  // Whether it lives is answered to whoever asks, however often.
  assert.equal((await service.ask("/healthz")).status, 200);
  await new Promise((resolve) => setTimeout(resolve, 1500));
  const long = new Uint8Array(1.1e6);
  const init = { method: "POST", body: long, headers: { "content-type": "image/png" } };
  assert.match((await service.json("/v1/predict", init, 413)).error, /more than 1000000 bytes/);
  const body = ReadableStream.from([long]);
  const chunked = await service.ask("/v1/predict", { ...init, body }).catch(() => null);
  assert([413, undefined].includes(chunked?.status), "a body without a length");
  await chunked?.body?.cancel();
  // A body that is there and has no length, as that of curl -X POST, makes Deno say nothing of its own.
  await service.json("/v1/sleep", { method: "POST", body: ReadableStream.from([]) }, 409);
  assert.doesNotMatch(service.output, /request\.signal|docs\.deno\.com/);
});

onGpu("events are told as they come, and those that were missed", async (folder) => {
  const learner = join(folder, "learner");
  await bear(learner);
  await using service = await Served.start(learner, "--idle", "never");
  for (const figure of [...figures(0, 8), ...figures(1, 8)]) await service.teach(figure);
  const read = async (headers: Record<string, string>) => {
    const response = await service.ask("/v1/events", { headers });
    assert.match(response.headers.get("content-type")!, /^text\/event-stream/);
    let text = "";
    for await (const part of response.body!.pipeThrough(new TextDecoderStream())) {
      text += part;
      if (text.includes("event: dawn")) break;
    }
    return [...text.matchAll(/^event: (\w+)$/gm)].map(([, type]) => type);
  };
  const live = read({});
  await service.sleep();
  const types = await live;
  for (const type of ["night", "phase", "step", "dawn"]) assert(types.includes(type), type);
  assert.deepEqual(await read({ "last-event-id": "0" }), types);
});

onGpu(
  "a learner is kept in S3-compatible storage, and begins there in an empty folder",
  async (folder) => {
    await using storage = startStorage();
    const learner = join(folder, "learner");
    await bear(learner);
    const env = {
      AWS_ACCESS_KEY_ID: KEYS.id,
      AWS_SECRET_ACCESS_KEY: KEYS.secret,
      AWS_REGION: KEYS.region,
    };
    const where = [
      "--snapshot-object",
      `${storage.url}/bucket/pets.safetensors`,
      "--idle",
      "never",
    ];
    {
      await using service = await Served.startWith(env, learner, ...where);
      for (const figure of [...figures(0, 8), ...figures(1, 8)]) await service.teach(figure);
      await service.sleep();
      await service.teach(figures(2, 1)[0]);
      assert.deepEqual([...storage.objects.keys()], ["/bucket/pets.safetensors"]);
      const { generation, bytes } = await service.json("/v1/snapshot", { method: "POST" });
      assert.deepEqual([generation, bytes], [
        1,
        storage.objects.values().next().value!.bytes.length,
      ]);

      const elsewhere = join(folder, "elsewhere");
      await using other = await Served.startWith(env, elsewhere, ...where);
      assert.deepEqual(lastFiles(elsewhere), lastFiles(learner));
      assert.equal((await other.json("/v1/classes")).classes[2].waiting, 1);
      await other.json("/v1/snapshot", { method: "POST" });
      await other.teach(figures(2, 1, 1)[0]);
      await other.json("/v1/snapshot", { method: "POST" });
      const fenced = await service.json("/v1/snapshot", { method: "POST" }, 409);
      assert.match(fenced.error, /another service has put one there/);
      assert.equal((await service.json("/v1/restore", { method: "POST" })).generation, 1);
      assert.equal((await service.json("/v1/classes")).classes[2].waiting, 2);
      await service.json("/v1/snapshot", post({ takeOver: true }));
    }
    assert.deepEqual(storage.refused, []);
    const wrong = Served.startWith(
      { ...env, AWS_SECRET_ACCESS_KEY: "another" },
      join(folder, "nobody"),
      ...where,
    );
    await assert.rejects(wrong, /storage answers 403 \(SignatureDoesNotMatch\); see to the URL/);
  },
);

onGpu("what cannot be served is said before anything is", async (folder) => {
  const learner = join(folder, "learner");
  await bear(learner);
  const cases: [env: Record<string, string>, args: string[], message: RegExp][] = [
    [{}, [join(folder, "nowhere")], /Cannot open the learner .*nowhere: there is no such folder/],
    [{ WSCL_TOKEN: "short" }, [learner], /Cannot use the token of WSCL_TOKEN: it has 5 characters/],
    [{}, [learner, "--token-file", join(folder, "no")], /Cannot read the token in .*no: /],
    [{}, [learner, "--port", "70000"], /Expected a port from 0 to 65535/],
    [{}, [learner, "--at", "25:00"], /Expected a time of the day/],
    [{}, [learner, "--snapshot-object", "http://127.0.0.1/a/b"], /AWS_ACCESS_KEY_ID is not set/],
    [{}, [learner, "--snapshots", "a", "--snapshot-object", "b"], /in two places/],
    [{}, [learner, "--snapshots", at("deno.json")], /deno.json: it is a file; name a folder/],
    [
      {},
      [join(folder, "new"), "--snapshots", join(folder, "a")],
      /no learner is there, and none in/,
    ],
  ];
  for (const [env, [path, ...args], message] of cases) {
    await assert.rejects(Served.startWith(env, path, ...args), message, args.join(" "));
  }
  await using service = await Served.start(learner);
  await assert.rejects(Served.start(learner), /another run is writing to it \(process \d+\)/);
  const copy = copyFolder(learner, join(folder, "copy"));
  const other = await service.ask("/v1/episodes/x", { method: "PUT" });
  assert.match((await other.json()).error, /^Cannot answer PUT: this page takes GET, HEAD, PATCH/);
  assert.equal(other.status, 405);
  assert.equal(other.headers.get("allow"), "GET, HEAD, PATCH, DELETE");
  const text = new FormData();
  text.set("image", "x");
  const asked = (path: string, body: FormData) => service.json(path, { method: "POST", body }, 400);
  assert.match((await asked("/v1/predict", text)).error, /image is a text in the form/);
  assert.match((await asked("/v1/episodes", text)).error, /image is a text in the form/);
  assert.match((await asked("/v1/predict?top=abc", text)).error, /top is "abc"; give a number/);
  const { port } = new URL(service.url);
  await assert.rejects(Served.start(copy, "--port", port), /Cannot listen at 127\.0\.0\.1:\d+: /);
});

onGpu("deno serve answers by the module's fetch", async (folder) => {
  const learner = join(folder, "learner");
  await bear(learner);
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      ...["serve", "--no-prompt", "--config", at("deno.json"), "--lock", at("serve.lock")],
      ...["--allow-read", `--allow-write=${folder}`, "--allow-env"],
      ...["--frozen", "--host", "127.0.0.1", "--port", "0", at("src/serve/fetch.ts")],
    ],
    env: {
      ...{ WSCL_LEARNER: learner, WSCL_TOKEN: TOKEN, WSCL_CACHE_DIR: join(folder, "cache") },
      NO_COLOR: "1",
    },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  let said = "";
  const found = Promise.withResolvers<string>();
  const read = async (stream: ReadableStream<Uint8Array<ArrayBuffer>>) => {
    for await (const text of stream.pipeThrough(new TextDecoderStream())) {
      said += text;
      const [, port] = /127\.0\.0\.1:(\d+)/.exec(said) ?? [];
      if (port) found.resolve(port);
    }
  };
  const ended = Promise.all([read(child.stdout), read(child.stderr)])
    .then(() => found.reject(new Error(said)));
  try {
    const url = `http://127.0.0.1:${await found.promise}`;
    assert.deepEqual(await (await fetch(`${url}/healthz`)).json(), { status: "ok" });
    const headers = { authorization: `Bearer ${TOKEN}` };
    const response = await fetch(`${url}/v1/classes`, { headers });
    assert.deepEqual(await response.json(), { generation: 0, classes: [] });
    child.kill("SIGTERM");
    await ended.catch(() => {});
    assert.equal((await child.status).code, 0, said);
  } catch (error) {
    child.kill("SIGKILL");
    throw error;
  }
});

Deno.test("deno serve says what cannot be served, and ends", () =>
  withFolder(async (folder) => {
    for (
      const [learner, message] of [
        ["", "error: Cannot serve: WSCL_LEARNER is not set; set it to the folder of a learner\n"],
        [
          join(folder, "no"),
          `error: Cannot open the learner ${join(folder, "no")}: there is no such`,
        ],
      ]
    ) {
      const { code, stderr } = await new Deno.Command(Deno.execPath(), {
        args: [
          ...["serve", "--quiet", "-A", "--config", at("deno.json"), "--lock", at("serve.lock")],
          ...["--frozen", "--host", "127.0.0.1", "--port", "0", at("src/serve/fetch.ts")],
        ],
        env: { WSCL_LEARNER: learner, WSCL_TOKEN: TOKEN, NO_COLOR: "1" },
      }).output();
      const said = new TextDecoder().decode(stderr);
      assert(said.startsWith(message), said);
      assert.equal(code, 2);
    }
  }));
