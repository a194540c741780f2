/** `wscl bench peers`, in a process of its own; gets its options as JSON. */
import { openGpu } from "../../src/host/open_gpu.ts";
import { figures, summarise, table } from "../measure.ts";
import type { PeersOptions } from "../peers.ts";
import { settingOf, writeResults } from "../setting.ts";
import { ours } from "./ours.ts";
import type { Peer, PeerSize } from "./peer.ts";

const options: PeersOptions = JSON.parse(Deno.args[0]);
const { size, batch, rounds, out } = options;
const gpu = await openGpu();
const setting = settingOf(gpu);
gpu.destroy();
console.log(`${setting.adapter.description}, Deno ${setting.deno}, commit ${setting.commit}`);
const results: object[] = [];
let allLearn = true;
for (const width of options.width) {
  const peers: Peer[] = [await ours({ width, size, batch })];
  for (const name of options.peer.split(",")) {
    try {
      const peer = await open(name, { width, size, batch });
      if (peer) peers.push(peer);
      else console.log(`${name}: not installed, left out`);
    } catch (error) {
      console.log(`${name}: left out: ${error instanceof Error ? error.message : error}`);
    }
  }
  await measure(peers, width);
  for (const peer of peers) peer.destroy();
}
console.log(`\nwritten: ${writeResults(out, "peers", results, setting)}`);
Deno.exit(allLearn ? 0 : 1);

async function open(name: string, peerSize: PeerSize): Promise<Peer | null> {
  switch (name) {
    case "jax":
      return await (await import("./jax.ts")).jax(peerSize);
    case "tfjs":
      return await (await import("./tfjs.ts")).tfjs(peerSize);
    case "torch":
      return await (await import("./torch.ts")).torch(peerSize);
    default:
      throw new Error(`there is no peer of that name; the names are jax, tfjs, torch`);
  }
}

/** Times all of them in turn and prints how they compare, round by round. */
async function measure(peers: readonly Peer[], width: number): Promise<void> {
  const steps = 2;
  const times: number[][] = peers.map(() => []);
  const first: number[] = [];
  const last: number[] = [];
  const starts: number[] = [];
  for (const [i, peer] of peers.entries()) {
    const began = performance.now();
    first[i] = await peer.steps(1);
    starts[i] = performance.now() - began;
    await peer.steps(1);
  }
  for (let round = 0; round < rounds; round++) {
    for (const [i, peer] of peers.entries()) {
      const began = performance.now();
      last[i] = await peer.steps(steps);
      times[i].push((performance.now() - began) / steps);
    }
  }
  const rows = peers.map((peer, i) => {
    const milliseconds = summarise(times[i]);
    const ratio = summarise(times[i].map((ms, round) => ms / times[0][round]));
    const learns = last[i] < first[i];
    allLearn &&= learns;
    const samplesPerSecond = batch / milliseconds.median * 1000;
    results.push({
      bench: "peers",
      peer: peer.name,
      device: peer.device,
      width,
      size,
      batch,
      milliseconds,
      samplesPerSecond,
      ratio,
      firstStep: starts[i],
      firstLoss: first[i],
      lastLoss: last[i],
    });
    return [
      peer.name,
      figures(milliseconds.median),
      figures(samplesPerSecond),
      i === 0
        ? "1"
        : `${ratio.median.toFixed(2)} (${ratio.low.toFixed(2)}-${ratio.high.toFixed(2)})`,
      figures(starts[i]),
      `${figures(first[i])} to ${figures(last[i])}${learns ? "" : ": DOES NOT LEARN"}`,
    ];
  });
  console.log(`\nwidth ${width}, batch ${batch}, ${size} pixels, ${rounds} rounds in turn`);
  console.log(
    table([["library", "ms/step", "samples/s", "times ours", "first step ms", "loss"], ...rows]),
  );
}
