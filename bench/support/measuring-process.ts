/** A measurement runs in a process of its own, with the V8 flags that it is about. */
import { spawn } from "node:child_process";

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
