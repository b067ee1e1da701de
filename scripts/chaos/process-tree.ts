import { readdirSync, readFileSync } from "node:fs";

/** A process by its id and when it started: ids are given out again. */
export interface ProcessId {
  readonly pid: number;
  /** In clock ticks since the machine started. */
  readonly startedAt: number;
}

interface Entry extends ProcessId {
  readonly parent: number;
}

/** Everything that runs below these processes, from `/proc`. */
export function descendantsOf(pids: readonly number[]): readonly ProcessId[] {
  const entries = listProcesses();
  const found = new Map<number, Entry>();
  for (let level = new Set(pids); level.size > 0;) {
    const children = entries.filter(({ pid, parent }) => level.has(parent) && !found.has(pid));
    for (const child of children) found.set(child.pid, child);
    level = new Set(children.map(({ pid }) => pid));
  }
  return [...found.values()];
}

/** True while it runs; one that has ended and was not yet waited for does not. */
export function isRunning({ pid, startedAt }: ProcessId): boolean {
  return readEntry(pid)?.startedAt === startedAt;
}

function listProcesses(): readonly Entry[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map((name) => readEntry(Number(name)))
    .filter((entry) => entry !== undefined);
}

/** `/proc/<pid>/stat`: the name may hold blanks and parentheses, so fields count from its end. */
function readEntry(pid: number): Entry | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    if (fields[0] === "Z") return undefined;
    return { pid, parent: Number(fields[1]), startedAt: Number(fields[19]) };
  } catch {
    return undefined;
  }
}
