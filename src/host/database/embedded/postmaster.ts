import { readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { execFileSync } from "node:child_process";

/** What a running server says of itself in `postmaster.pid`. */
export interface Postmaster {
  readonly pid: number;
  readonly socketDir: string;
}

/** The server that runs on this cluster; undefined where none does, also where a dead one left its file. */
export function runningPostmaster(clusterDir: string): Postmaster | undefined {
  const lines = readLines(join(clusterDir, "postmaster.pid"));
  const pid = Number(lines[0]);
  if (!Number.isSafeInteger(pid) || pid <= 0 || !isPostmasterOf(pid, clusterDir)) return undefined;
  return { pid, socketDir: lines[4] ?? "" };
}

/** True where process `pid` is alive and works on this cluster: ids are given out again, after a restart of a container at once. */
export function isPostmasterOf(pid: number, clusterDir: string): boolean {
  return isAlive(pid) && workingFolder(pid) === clusterDir;
}

/** A process that has ended and was not yet waited for counts as gone. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: it is there and somebody else's.
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
  return processState(pid) !== "Z";
}

function processState(pid: number): string | undefined {
  if (process.platform !== "linux") return undefined;
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2, stat.lastIndexOf(")") + 3);
  } catch {
    return "Z";
  }
}

/** A postmaster works in its cluster's folder. */
function workingFolder(pid: number): string | undefined {
  try {
    if (process.platform === "linux") return readlinkSync(`/proc/${pid}/cwd`);
    const listed = execFileSync("lsof", ["-a", "-p", String(pid), "-d", "cwd", "-Fn"], { encoding: "utf8" });
    return /^n(.*)$/m.exec(listed)?.[1];
  } catch {
    return undefined;
  }
}

function readLines(path: string): readonly string[] {
  try {
    return readFileSync(path, "utf8").split("\n");
  } catch {
    return [];
  }
}
