import { execFileSync } from "node:child_process";
import { readFileSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { SERVER_PORT } from "./socket-dir.ts";

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

/**
 * Makes what a dead server left harmless. Postgres refuses to start while a process has the id in `postmaster.pid`, or in
 * the lock beside the socket, whatever that process is; a zombie of the old server is enough. It ignores the id of its own
 * parent, which this host is about to be. The rest of `postmaster.pid` stays: by it Postgres finds out whether sessions of
 * the dead server are still at the data. Only for whoever holds the data directory and found no running server.
 */
export function disownDeadServer(clusterDir: string, socketDir: string): void {
  const path = join(clusterDir, "postmaster.pid");
  const [pid, ...rest] = readLines(path);
  if (pid !== undefined) writeFileSync(path, [String(process.pid), ...rest].join("\n"));
  rmSync(join(socketDir, `.s.PGSQL.${SERVER_PORT}.lock`), { force: true });
}

/** True where process `pid` is alive and works on this cluster: ids are given out again, after a restart of a container at once. */
export function isPostmasterOf(pid: number, clusterDir: string): boolean {
  return isAlive(pid) && workingFolder(pid) === clusterDir;
}

/** A process that has ended and was not yet waited for counts as gone. */
function isAlive(pid: number): boolean {
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
