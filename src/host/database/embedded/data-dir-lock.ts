import { closeSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { TaskerError } from "../../../core/errors/index.ts";
import { openOwned } from "./data-dir.ts";

/** Holds a data directory for this host until `release`, or until the process ends in whatever way. */
export interface DataDirLock {
  release(): void;
}

/**
 * Takes the directory for this host.
 *
 * The lock is the operating system's own, on a file: it cannot outlive its holder, so there is nothing stale to judge and
 * no process id that another process could have inherited. Node has no such call; SQLite does, in the form of an
 * exclusive transaction on an empty file that is never written. The id beside it is for people.
 *
 * @throws TSK_HOST_DATA_DIR_BUSY naming the process that holds it.
 * @throws TSK_DATABASE_EMBEDDED_DIR_UNUSABLE where the file system has no locks.
 */
export function lockDataDir(dataDir: string): DataDirLock {
  const holderPath = join(dataDir, "host.pid");
  // Closed to others: who can open a file can lock it.
  closeSync(openOwned(join(dataDir, "host.lock"), dataDir));
  const file = new DatabaseSync(join(dataDir, "host.lock"));
  try {
    file.exec("pragma busy_timeout = 0; pragma journal_mode = off; begin exclusive");
  } catch (error) {
    file.close();
    throw isBusy(error) ? busy(dataDir, holderOf(holderPath), error) : unlockable(dataDir, error);
  }
  const holder = openOwned(holderPath, dataDir, "w");
  writeFileSync(holder, `${process.pid}\n`);
  closeSync(holder);
  return {
    release() {
      if (!file.isOpen) return;
      rmSync(holderPath, { force: true });
      file.close();
    },
  };
}

function busy(dataDir: string, holder: number | undefined, cause: unknown): TaskerError {
  return new TaskerError("TSK_HOST_DATA_DIR_BUSY", {
    attempted: `Cannot use data directory "${dataDir}"`,
    found: holder === undefined ? "another host holds it" : `the host with process id ${holder} holds it`,
    accepted: "a directory that no other host uses",
    details: { dataDir, pid: holder },
    cause,
  });
}

/** Some network and overlay file systems know no locks. */
function unlockable(dataDir: string, cause: unknown): TaskerError {
  return new TaskerError("TSK_DATABASE_EMBEDDED_DIR_UNUSABLE", {
    attempted: `Cannot lock data directory "${dataDir}"`,
    found: cause instanceof Error ? cause.message : String(cause),
    accepted: "a file system with file locks",
    cause,
  });
}

function holderOf(path: string): number | undefined {
  try {
    const pid = Number.parseInt(readFileSync(path, "utf8"), 10);
    return Number.isSafeInteger(pid) ? pid : undefined;
  } catch {
    // The holder has the lock and has not written its id yet.
    return undefined;
  }
}

/** SQLITE_BUSY: somebody else has the lock. */
function isBusy(error: unknown): boolean {
  return error instanceof Error && "errcode" in error && error.errcode === 5;
}
