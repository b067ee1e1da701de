import { spawn } from "node:child_process";
import type { Command } from "./server-identity.ts";

export interface CommandResult {
  /** Undefined where the command could not be started or was killed. */
  readonly exitCode: number | undefined;
  /** Standard output and error, interleaved, the last 64 kB. */
  readonly output: string;
}

const KEPT_OUTPUT = 65_536;

/** What Postgres gets to see: nothing else of the host's environment, which holds secrets. Messages in English, times in UTC. */
export function serverEnvironment(): NodeJS.ProcessEnv {
  return { PATH: process.env["PATH"], LC_ALL: "C", TZ: "UTC" };
}

/** Runs a command to its end; never rejects. */
export function runCommand({ file, args, ...identity }: Command): Promise<CommandResult> {
  return new Promise((resolve) => {
    const child = spawn(file, args, {
      ...identity,
      cwd: "/",
      env: serverEnvironment(),
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    const keep = (chunk: Buffer): void => {
      output = (output + chunk.toString()).slice(-KEPT_OUTPUT);
    };
    child.stdout.on("data", keep);
    child.stderr.on("data", keep);
    child.on("error", (error) => resolve({ exitCode: undefined, output: `${output}${error.message}` }));
    child.on("close", (code) => resolve({ exitCode: code ?? undefined, output }));
  });
}
