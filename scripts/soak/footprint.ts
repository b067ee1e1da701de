import { readdirSync, readFileSync } from "node:fs";
import { descendantsOf } from "../chaos/process-tree.ts";

const PAGE_BYTES = 4_096;

/** What a host and everything below it hold at one moment, from `/proc`. */
export interface Footprint {
  readonly processes: number;
  /** Descriptors of the host itself. */
  readonly descriptors: number;
  /** Resident, of all of them; pages that they share are counted for each. */
  readonly residentBytes: number;
}

export function footprintOf(hostPid: number): Footprint {
  const pids = [hostPid, ...descendantsOf([hostPid]).map(({ pid }) => pid)];
  return {
    processes: pids.length,
    descriptors: readdirSync(`/proc/${hostPid}/fd`).length,
    residentBytes: pids.reduce((sum, pid) => sum + residentBytes(pid), 0),
  };
}

/** 0 of one that has just ended. */
function residentBytes(pid: number): number {
  try {
    return Number(readFileSync(`/proc/${pid}/statm`, "utf8").split(" ")[1]) * PAGE_BYTES;
  } catch {
    return 0;
  }
}
