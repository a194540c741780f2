import { type Gpu, guarded } from "./device.ts";
import { bound, checkDispatch, type Dispatch, uniformStride, uniformWords } from "./dispatch.ts";
import { pipelineOf } from "./kernel.ts";

interface Launch {
  readonly name: string;
  readonly label: string;
  readonly pipeline: GPUComputePipeline;
  readonly group: GPUBindGroup;
  readonly workgroups: readonly [number, number, number];
}

/** Milliseconds that one launch took, measured by timestamps. */
export interface LaunchTime {
  readonly kernel: string;
  readonly label: string;
  readonly milliseconds: number;
  readonly workgroups: readonly [number, number, number];
}

/**
 * A list of kernel launches, recorded once and replayed with one pass and one submission. Pipelines and bind groups
 * are made when it is built; a replay costs some microseconds per launch.
 */
export class Program {
  readonly label: string;
  readonly #gpu: Gpu;
  readonly #launches: readonly Launch[];
  readonly #uniforms: GPUBuffer | null;

  private constructor(
    gpu: Gpu,
    label: string,
    launches: readonly Launch[],
    uniforms: GPUBuffer | null,
  ) {
    this.#gpu = gpu;
    this.label = label;
    this.#launches = launches;
    this.#uniforms = uniforms;
  }

  /**
   * Compiles what the dispatches need and binds it.
   *
   * @throws {TypeError} for constants, fields or buffers that are missing, unknown or of another type;
   * {@linkcode Error} with the kernel's name for all that WebGPU refuses.
   */
  static async build(gpu: Gpu, label: string, dispatches: readonly Dispatch[]): Promise<Program> {
    for (const dispatch of dispatches) checkDispatch(dispatch);
    const pipelines: GPUComputePipeline[] = [];
    for (const { kernel, constants = {} } of dispatches) {
      pipelines.push(await pipelineOf(gpu, kernel, constants));
    }
    const uniformCount = dispatches.filter((d) => d.uniform).length;
    const uniforms = uniformCount === 0 ? null : gpu.createBuffer(
      `${label}/uniforms`,
      uniformCount * uniformStride,
      GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST,
    );
    let slot = 0;
    try {
      const launches = await guarded(
        gpu,
        `build program ${label}`,
        () =>
          dispatches.map((dispatch, index) => {
            const offset = dispatch.uniform ? slot++ * uniformStride : 0;
            return makeLaunch(gpu, pipelines[index], dispatch, uniforms, offset);
          }),
      );
      return new Program(gpu, label, launches, uniforms);
    } catch (error) {
      if (uniforms) gpu.destroyBuffer(uniforms);
      throw error;
    }
  }

  get length(): number {
    return this.#launches.length;
  }

  /** Runs all launches in order. Returns at once; the queue keeps the order of submissions and uploads. */
  run(): void {
    this.#gpu.check();
    if (this.#gpu.recording?.replaying) return;
    const encoder = this.#gpu.device.createCommandEncoder({ label: this.label });
    const pass = encoder.beginComputePass({ label: this.label });
    for (const launch of this.#launches) encode(pass, launch);
    pass.end();
    this.#gpu.device.queue.submit([encoder.finish()]);
  }

  /**
   * Runs all launches, each in a pass of its own between two timestamps, and waits for the times.
   *
   * @throws {Error} where the adapter has no timestamps.
   */
  async profile(): Promise<LaunchTime[]> {
    const gpu = this.#gpu;
    if (!gpu.features.has("timestamp-query")) {
      throw new Error("Cannot profile: this adapter has no timestamp queries");
    }
    const count = this.#launches.length * 2;
    const querySet = gpu.device.createQuerySet({ type: "timestamp", count });
    const resolved = gpu.createBuffer(
      "timestamps",
      count * 8,
      GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC,
    );
    const staging = gpu.createBuffer(
      "timestamps",
      count * 8,
      GPUBufferUsage.COPY_DST | GPUBufferUsage.MAP_READ,
    );
    try {
      const encoder = gpu.device.createCommandEncoder({ label: this.label });
      this.#launches.forEach((launch, index) => {
        const pass = encoder.beginComputePass({
          label: launch.label,
          timestampWrites: {
            querySet,
            beginningOfPassWriteIndex: index * 2,
            endOfPassWriteIndex: index * 2 + 1,
          },
        });
        encode(pass, launch);
        pass.end();
      });
      encoder.resolveQuerySet(querySet, 0, count, resolved, 0);
      encoder.copyBufferToBuffer(resolved, 0, staging, 0, count * 8);
      gpu.device.queue.submit([encoder.finish()]);
      await staging.mapAsync(GPUMapMode.READ);
      gpu.check();
      const times = new BigUint64Array(staging.getMappedRange().slice(0, count * 8));
      return this.#launches.map(({ name, label, workgroups }, index) => ({
        kernel: name,
        label,
        workgroups,
        milliseconds: Number(times[index * 2 + 1] - times[index * 2]) / 1e6,
      }));
    } finally {
      gpu.destroyBuffer(resolved);
      gpu.destroyBuffer(staging);
      querySet.destroy();
    }
  }

  /** The launches as text, one per line. */
  toString(): string {
    return this.#launches
      .map(({ name, label, workgroups }, i) =>
        `${i}\t${name}\t[${workgroups.join(" x ")}]\t${label}`
      )
      .join("\n");
  }

  destroy(): void {
    if (this.#uniforms) this.#gpu.destroyBuffer(this.#uniforms);
  }
}

function encode(pass: GPUComputePassEncoder, launch: Launch): void {
  pass.setPipeline(launch.pipeline);
  pass.setBindGroup(0, launch.group);
  pass.dispatchWorkgroups(...launch.workgroups);
}

function makeLaunch(
  gpu: Gpu,
  pipeline: GPUComputePipeline,
  dispatch: Dispatch,
  uniforms: GPUBuffer | null,
  uniformOffset: number,
): Launch {
  const { kernel, buffers, workgroups: [x, y = 1, z = 1] } = dispatch;
  const label = dispatch.label ?? kernel.name;
  const what = `record ${kernel.name} (${label})`;
  const most = gpu.limits.maxComputeWorkgroupsPerDimension;
  if (![x, y, z].every((n) => Number.isInteger(n) && n >= 1 && n <= most)) {
    throw new RangeError(
      `Cannot ${what}: [${x}, ${y}, ${z}] workgroups, each must lie in 1..${most}`,
    );
  }
  const entries = kernel.bindings.map(({ name, access, binding }): GPUBindGroupEntry => {
    if (access === "uniform") {
      const words = uniformWords(dispatch)!;
      gpu.device.queue.writeBuffer(uniforms!, uniformOffset, words, 0, words.length);
      const size = words.byteLength;
      return { binding, resource: { buffer: uniforms!, offset: uniformOffset, size } };
    }
    const { tensor, offset, size } = bound(buffers[name]);
    return { binding, resource: { buffer: tensor.buffer, offset, size } };
  });
  const group = gpu.device.createBindGroup({
    label,
    layout: pipeline.getBindGroupLayout(0),
    entries,
  });
  return { name: kernel.name, label, pipeline, group, workgroups: [x, y, z] };
}
