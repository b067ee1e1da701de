/** CPU time of a process as the kernel counts it, told apart by threads: what the process says of itself is not asked. */
import { readFileSync } from "node:fs";

/** Milliseconds of CPU, in user and kernel mode. */
export interface CpuTime {
  /** Of the main thread: guests, lowering, lifting, and V8's first compiler. */
  readonly mainMs: number;
  /** Of all other threads, those that have ended included: V8's optimising compiler and its garbage collector. */
  readonly helpersMs: number;
}

/** Linux counts in hundredths of a second wherever Node runs. */
const TICK_MS = 10;
/** Places of `utime` and `stime` behind the name, which can hold anything but ends at the last bracket. */
const USER_TICKS = 11;
const KERNEL_TICKS = 12;

/** Throws where there is no such process, or no `/proc`. */
export function cpuTimeOf(pid: number): CpuTime {
  const mainMs = read(`/proc/${pid}/task/${pid}/stat`);
  // Read second, so that it is not less.
  return { mainMs, helpersMs: Math.max(0, read(`/proc/${pid}/stat`) - mainMs) };
}

function read(path: string): number {
  const line = readFileSync(path, "latin1");
  const fields = line.slice(line.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[USER_TICKS]) + Number(fields[KERNEL_TICKS])) * TICK_MS;
}
