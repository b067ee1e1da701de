/** A measurement runs in a process of its own, with the V8 flags that it is about. */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";

const FLAGS_SOURCE = new URL("../../src/runtime/process/child-process.ts", import.meta.url);

/** The V8 flags of the sandbox process. Read where they are written: figures for other flags would be no figures. */
export function sandboxFlags(): readonly string[] {
  const flags = Array.from(readFileSync(FLAGS_SOURCE, "utf8").matchAll(/"(--wasm-[^"]+)"/g), ([, flag]) => flag ?? "");
  if (flags.length === 0) throw new Error("the sandbox process has no V8 flags for wasm where they are looked for");
  return flags;
}

/** Runs a script of this folder with `flags`; its answer is the last line that it writes. */
export async function measureUnder(
  flags: readonly string[],
  script: string,
  args: readonly string[],
): Promise<unknown> {
  const path = new URL(script, import.meta.url).pathname;
  const child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", ...flags, path, ...args], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
  const status = await new Promise((resolve) => child.once("close", resolve));
  if (status !== 0) throw new Error(`${script} ended with status ${String(status)}`);
  return JSON.parse(output.trimEnd().split("\n").at(-1) ?? "");
}
