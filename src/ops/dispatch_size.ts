/** Workgroups of 64 threads for `threads` threads; capped, since such kernels walk on by grid stride. */
export function groupsOf64(threads: number, most = 65535): number {
  return Math.max(1, Math.min(most, Math.ceil(threads / 64)));
}

/** Channel groups of 4 that hold `channels` channels. */
export function groupsOf4(channels: number): number {
  return Math.ceil(channels / 4);
}
