/** A process and all that it started, as `/proc` shows them: what they take, and their end. */
import { readdirSync, readFileSync } from "node:fs";
import { type CpuTime, cpuTimeOf } from "./cpu-time.ts";

const PAGE_BYTES = 4_096;
/** Each round stops what the one before had not seen; more than a few are a race against something that forks for its life. */
const MAX_ROUNDS = 100;
const NO_TIME: CpuTime = { mainMs: 0, helpersMs: 0 };

/** CPU time of all of them; nothing where it cannot be read. */
export function cpuTimeOfTree(pid: number): CpuTime {
  try {
    return [cpuTimeOf(pid), ...childrenOf(pid).map(cpuTimeOfTree)].reduce((sum, { mainMs, helpersMs }) => ({
      mainMs: sum.mainMs + mainMs,
      helpersMs: sum.helpersMs + helpersMs,
    }));
  } catch {
    return NO_TIME;
  }
}

/** Resident bytes of all of them; 0 where they cannot be read. */
export function residentBytesOfTree(pid: number): number {
  try {
    const pages = Number(readFileSync(`/proc/${pid}/statm`, "latin1").split(" ")[1]);
    return pages * PAGE_BYTES + childrenOf(pid).reduce((sum, child) => sum + residentBytesOfTree(child), 0);
  } catch {
    return 0;
  }
}

/**
 * Kills a process, its group and all that descends from it, in whatever group or session that is. They are stopped first:
 * what is killed while it forks leaves an orphan that nobody finds. A killed first process of a PID namespace takes with it
 * all that lives in there, orphans included.
 */
export function killTree(pid: number): void {
  const pids = stopAll(() => [pid, ...descendantsOf(pid)]);
  signal(-pid, "SIGKILL");
  for (const one of pids) signal(one, "SIGKILL");
}

/** Kills all processes of a uid that belongs to one child alone: what got away from its tree. */
export function killAllOf(uid: number): void {
  for (const pid of stopAll(() => processesOf(uid))) signal(pid, "SIGKILL");
}

function stopAll(find: () => readonly number[]): ReadonlySet<number> {
  const stopped = new Set<number>();
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    const found = find().filter((pid) => !stopped.has(pid));
    if (found.length === 0) break;
    for (const pid of found) {
      signal(pid, "SIGSTOP");
      stopped.add(pid);
    }
  }
  return stopped;
}

function signal(pid: number, name: "SIGSTOP" | "SIGKILL"): void {
  try {
    process.kill(pid, name);
  } catch {
    // It is gone.
  }
}

export function descendantsOf(pid: number): readonly number[] {
  try {
    return childrenOf(pid).flatMap((child) => [child, ...descendantsOf(child)]);
  } catch {
    return [];
  }
}

function childrenOf(pid: number): readonly number[] {
  return readdirSync(`/proc/${pid}/task`)
    .map((thread) => readFileSync(`/proc/${pid}/task/${thread}/children`, "latin1"))
    .flatMap((line) =>
      line
        .split(" ")
        .filter((word) => word !== "")
        .map(Number),
    );
}

function processesOf(uid: number): readonly number[] {
  return readdirSync("/proc")
    .map(Number)
    .filter((pid) => Number.isInteger(pid) && hasUid(pid, uid));
}

/** By the status, not by who owns the folder: a process can have its own owned by root. The dead that wait to be read are left out. */
function hasUid(pid: number, uid: number): boolean {
  try {
    const status = readFileSync(`/proc/${pid}/status`, "latin1");
    return status.includes(`\nUid:\t${uid}\t`) && !status.includes("\nState:\tZ");
  } catch {
    return false;
  }
}
