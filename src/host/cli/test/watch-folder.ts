import { statSync, watch } from "node:fs";
import { join, sep } from "node:path";
import type { Clock } from "../../../core/clock.ts";

/** Editors write a file in several steps; changes that come closer together than this are one. */
const SETTLE_MS = 40;

/** Folders whose changes are made by builds, installs and databases, not by authors. */
const IGNORED = new Set(["build", "node_modules", ".git", ".tasker-host", "__snapshots__"]);
/** Sources, templates and configuration. */
const WATCHED = /\.(?:[cm]?[jt]sx?|toml|ya?ml|wit)$/;
/** Fixtures, and what sources import; beside the project's configuration they are somebody's output. */
const DATA = /\.(?:json|txt)$/;
const CONFIGURATION = /^(?:package|tsconfig)\b.*\.json$/;

/** A burst of changes below the folder. */
export interface FolderChange {
  /** Of the files that changed, relative to the folder, each once. */
  readonly files: readonly string[];
  /** When the first of them changed. */
  readonly atMs: number;
}

/**
 * Yields each burst of changes below `folder` and ends with `signal`. Changes that come while nobody waits are one burst;
 * the watch begins at once, not with the first `next`.
 */
export function watchFolder(
  folder: string,
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
): AsyncIterableIterator<FolderChange, undefined> {
  const files = new Set<string>();
  let atMs = 0;
  let wake = Promise.withResolvers<void>();
  const watcher = watch(folder, { recursive: true, signal }, (_event, file) => {
    if (file === null || !concernsTests(folder, file)) return;
    if (files.size === 0) atMs = clock.monotonicMs();
    files.add(file);
    wake.resolve();
  });
  // A folder that vanished while it was looked at.
  watcher.on("error", () => {});
  signal.addEventListener("abort", () => wake.resolve(), { once: true });

  return (async function* changes(): AsyncGenerator<FolderChange, undefined> {
    while (!signal.aborted) {
      await wake.promise;
      for (let seen = -1; seen !== files.size && !signal.aborted;) {
        seen = files.size;
        await clock.wait(SETTLE_MS, signal);
      }
      wake = Promise.withResolvers();
      if (signal.aborted || files.size === 0) continue;
      const change = { files: [...files], atMs };
      files.clear();
      yield change;
    }
    return undefined;
  })();
}

/** True for what may change how a test ends. The tests' own output, redirected into the folder, would start them for ever. */
function concernsTests(folder: string, file: string): boolean {
  const parts = file.split(sep);
  const name = parts.at(-1) ?? "";
  if (parts.some((part) => IGNORED.has(part))) return false;
  if (WATCHED.test(name) || CONFIGURATION.test(name)) return true;
  if (DATA.test(name)) return parts.length > 1;
  // vim writes and deletes a file of the second name to see whether it may.
  return !name.includes(".") && name !== "4913" && !isFile(join(folder, file));
}

/** False for folders, and for what is gone: with a folder all that was in it. */
function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}
