import { fileURLToPath } from "node:url";
import { heads, learningRate, type Peer, type PeerSize } from "./peer.ts";

/** PyTorch in a process of its own, on CUDA where it has it (TF32 off), else on the CPU; null where it is missing. */
export async function torch({ width, size, batch }: PeerSize): Promise<Peer | null> {
  const present = new Deno.Command("python3", {
    args: ["-c", "import torch"],
    stdout: "null",
    stderr: "null",
  });
  try {
    if (!(await present.output()).success) return null;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
  const process = new Deno.Command("python3", {
    args: [
      fileURLToPath(new URL("torch_steps.py", import.meta.url)),
      ...[width, size, batch, heads, learningRate].map(String),
    ],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const writer = process.stdin.getWriter();
  const lines = process.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  const readLine = async () => {
    while (!text.includes("\n")) {
      const { value, done } = await lines.read();
      if (done) throw new Error("Cannot go on with PyTorch: its process ended");
      text += value;
    }
    const end = text.indexOf("\n");
    const line = text.slice(0, end);
    text = text.slice(end + 1);
    return line;
  };
  const [name, device] = (await readLine()).split("\t");
  return {
    name,
    device,
    async steps(count) {
      await writer.write(new TextEncoder().encode(`${count}\n`));
      return Number(await readLine());
    },
    destroy() {
      process.kill();
    },
  };
}
