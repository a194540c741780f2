/** Of a dimension of a launch; WebGPU grants so many everywhere. */
export const mostWorkgroups = 65535;

/** Workgroups of 64 threads for `threads` threads; capped, since such kernels walk on by grid stride. */
export function groupsOf64(threads: number): number {
  return Math.max(1, Math.min(mostWorkgroups, Math.ceil(threads / 64)));
}

/**
 * The same for a kernel whose threads do not walk on: what lies behind the last workgroup would never be computed.
 *
 * @throws {RangeError} where there are too many threads for one launch.
 */
export function groupsOf64WithoutStride(kernel: string, threads: number): number {
  const most = 64 * mostWorkgroups;
  if (threads > most) {
    throw new RangeError(
      `Cannot launch ${kernel}: ${threads} threads, and one launch has ${most} at most; make the ` +
        "batches smaller (batchSize, replayBatchSize, evaluation.batchSize), or take fewer classes",
    );
  }
  return groupsOf64(threads);
}

/** Channel groups of 4 that hold `channels` channels. */
export function groupsOf4(channels: number): number {
  return Math.ceil(channels / 4);
}
