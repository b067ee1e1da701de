/** Milliseconds of the processor that this thread takes for it: what a busy machine makes it wait is not in them. */
export function cpuMsOf(work: () => void): number {
  const before = process.threadCpuUsage();
  work();
  const { user, system } = process.threadCpuUsage(before);
  return (user + system) / 1_000;
}
