import { readdirSync, readFileSync } from "node:fs";

/** Processes below this one whose command line names the file, at any depth. */
export function descendants(ofFile: string, pid: number = process.pid): readonly number[] {
  return childrenOf(pid).flatMap((child) => [
    ...(commandLine(child).includes(ofFile) ? [child] : []),
    ...descendants(ofFile, child),
  ]);
}

function childrenOf(pid: number): readonly number[] {
  try {
    return readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
      readFileSync(`/proc/${pid}/task/${thread}/children`, "latin1")
        .split(" ")
        .filter((word) => word !== "")
        .map(Number),
    );
  } catch {
    return [];
  }
}

function commandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "latin1");
  } catch {
    return "";
  }
}
