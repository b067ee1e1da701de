/** Commands of the system: where they are, and whether they do here what they are wanted for. */
import { type ChildProcess, execFile } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { promisify } from "node:util";
import { killTree } from "./process-tree.ts";

/** Words of a command line that were tried: those that work, or why they do not. */
export interface Tried {
  readonly works: boolean;
  readonly words: readonly string[];
  readonly why: string;
}

export const NOT_TRIED: Tried = { works: false, words: [], why: "needs root" };

const run = promisify(execFile);
const DIRECTORIES = ["/usr/bin", "/bin", "/usr/sbin", "/sbin"];
/** A machine with too much to do lets anything wait for seconds, and a wall that seems to be missing is left out for good. */
const PATIENCE_S = 20;
const ATTEMPTS = 2;

/** Aborts when an attempt has taken too long; asked anew for each. */
type Patience = () => AbortSignal;
const patient: Patience = () => AbortSignal.timeout(PATIENCE_S * 1_000);

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
export async function whyNot(
  [program = "", ...args]: readonly string[],
  patience = patient,
): Promise<string | undefined> {
  try {
    await outputOf(program, args, {}, patience);
    return undefined;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return reason.trim().split("\n").at(-1) ?? "refused";
  }
}

/** The shared libraries that a program loads, its loader among them; none where it needs none or does not say. */
export async function librariesOf(program: string): Promise<readonly string[]> {
  // The loader itself answers, in the form of `ldd`, and does not start the program. One that does not know of this lets it say its version.
  const output = await outputOf(program, ["--version"], { LD_TRACE_LOADED_OBJECTS: "1" }, patient);
  return Array.from(output.matchAll(/(\/.*) \(0x[0-9a-f]+\)$/gm), ([, path = ""]) => path);
}

/** What the command prints. One that does not end in time was not refused: it is killed and tried once more. */
async function outputOf(
  program: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  patience: Patience,
): Promise<string> {
  for (let attempt = 1; ; attempt += 1) {
    const over = patience();
    const running = run(program, args, { env, cwd: "/" });
    const { child } = running;
    over.addEventListener("abort", () => abandon(child), { once: true });
    try {
      return (await running).stdout;
    } catch (error) {
      if (!over.aborted) throw error;
      if (attempt === ATTEMPTS)
        throw new Error(`it did not end within ${PATIENCE_S} s, ${ATTEMPTS} times`, { cause: error });
    }
  }
}

function abandon(child: ChildProcess): void {
  // What it started may hold its pipes, and `unshare` does not mind a milder signal.
  child.stdout?.destroy();
  child.stderr?.destroy();
  if (child.pid !== undefined) killTree(child.pid);
}

function allows(path: string, mode: number): boolean {
  try {
    accessSync(path, mode);
    return true;
  } catch {
    return false;
  }
}
