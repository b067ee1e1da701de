/** Commands of the system: where they are, and whether they do here what they are wanted for. */
import { execFile } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { promisify } from "node:util";

/** Words of a command line that were tried: those that work, or why they do not. */
export interface Tried {
  readonly works: boolean;
  readonly words: readonly string[];
  readonly why: string;
}

export const NOT_TRIED: Tried = { works: false, words: [], why: "needs root" };

const run = promisify(execFile);
const DIRECTORIES = ["/usr/bin", "/bin", "/usr/sbin", "/sbin"];
const PATIENCE_MS = 5_000;

/** Where the command is; undefined where it is not installed. */
export function commandPath(name: string): string | undefined {
  return DIRECTORIES.map((directory) => `${directory}/${name}`).find((path) => allows(path, constants.X_OK));
}

export function readable(path: string): boolean {
  return allows(path, constants.R_OK);
}

/** Runs `true` behind the words. `program` is undefined where it is not installed. */
export async function tried(program: string | undefined, ...args: readonly string[]): Promise<Tried> {
  const target = commandPath("true");
  if (program === undefined || target === undefined) return { works: false, words: [], why: "the command is missing" };
  const why = await whyNot([program, ...args, target]);
  return why === undefined ? { works: true, words: [program, ...args], why: "" } : { works: false, words: [], why };
}

/** Why the command fails; undefined where it succeeds. */
export async function whyNot([program = "", ...args]: readonly string[]): Promise<string | undefined> {
  try {
    await run(program, args, { timeout: PATIENCE_MS, env: {}, cwd: "/" });
    return undefined;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return reason.trim().split("\n").at(-1) ?? "refused";
  }
}

/** The shared libraries that a program loads, its loader among them; none where it needs none or does not say. */
export async function librariesOf(program: string): Promise<readonly string[]> {
  // The loader itself answers, in the form of `ldd`, and does not start the program. One that does not know of this lets it say its version.
  const env = { LD_TRACE_LOADED_OBJECTS: "1" };
  const { stdout } = await run(program, ["--version"], { timeout: PATIENCE_MS, env, cwd: "/" });
  return Array.from(stdout.matchAll(/(\/.*) \(0x[0-9a-f]+\)$/gm), ([, path = ""]) => path);
}

function allows(path: string, mode: number): boolean {
  try {
    accessSync(path, mode);
    return true;
  } catch {
    return false;
  }
}
