import { accessSync, constants, fchownSync, mkdirSync, openSync, realpathSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { TaskerError } from "../../../core/errors/index.ts";

/**
 * The data directory as an absolute path without links, made where it is missing.
 * @throws TSK_DATABASE_EMBEDDED_DIR_UNUSABLE where this user may not make or write it.
 */
export function makeDataDir(path: string): string {
  const absolute = resolve(path);
  try {
    mkdirSync(absolute, { recursive: true });
    accessSync(absolute, constants.W_OK | constants.X_OK);
    return realpathSync(absolute);
  } catch (error) {
    throw new TaskerError("TSK_DATABASE_EMBEDDED_DIR_UNUSABLE", {
      attempted: `Cannot use data directory "${absolute}"`,
      found: error instanceof Error ? error.message : String(error),
      accepted: "a path where this user may make a folder and write",
      cause: error,
    });
  }
}

/**
 * Opens a file of the data directory, mode 0600. It belongs to the directory's owner also where root makes it: a host
 * that was root once must not lock out the user who started before and will again.
 */
export function openOwned(path: string, dataDir: string, flags: "a" | "w" = "a"): number {
  try {
    const file = openSync(path, flags, 0o600);
    const { uid, gid } = statSync(dataDir);
    if (process.geteuid?.() === 0 && uid !== 0) fchownSync(file, uid, gid);
    return file;
  } catch (error) {
    throw new TaskerError("TSK_DATABASE_EMBEDDED_DIR_UNUSABLE", {
      attempted: `Cannot use data directory "${dataDir}"`,
      found: error instanceof Error ? error.message : String(error),
      accepted: "files that this user may write",
      cause: error,
    });
  }
}
