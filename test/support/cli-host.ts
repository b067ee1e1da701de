import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { z } from "zod";

const ROOT = join(import.meta.dirname, "../..");
export const BIN = join(ROOT, "bin/tasker-host.mjs");

const Started = z.object({
  url: z.string(),
  database: z.object({ description: z.string() }),
  templates: z.array(z.object({ name: z.string() })),
  components: z.array(z.object({ name: z.string(), digest: z.string(), callables: z.array(z.string()) })),
});

/** A host as a process of its own, as users run it. */
export interface CliHost {
  readonly process: ChildProcess;
  readonly started: z.infer<typeof Started>;
  /** Sends the signal and waits for the end; the exit code, or null where the signal ended it. */
  signal(name: NodeJS.Signals): Promise<number | null>;
}

/** `tasker-host run … --json` on any free port, until it says that it is ready. */
export async function runCliHost(options: {
  readonly cwd: string;
  readonly args: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
}): Promise<CliHost> {
  return spawnHost([BIN, "run", "--json", "--set", "web.bind_address=127.0.0.1:0", ...options.args], options);
}

/** `native-host-process.ts` on any free port, until it is ready. `settings` are configuration, `key=value`. */
export async function runNativeHost(options: {
  readonly handlersDir: string;
  readonly settings: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
}): Promise<CliHost> {
  const script = join(import.meta.dirname, "native-host-process.ts");
  const args = [script, options.handlersDir, "web.bind_address=127.0.0.1:0", ...options.settings];
  return spawnHost(args, options);
}

async function spawnHost(
  args: readonly string[],
  options: { readonly cwd?: string; readonly env?: NodeJS.ProcessEnv },
): Promise<CliHost> {
  const child = spawn(process.execPath, args, {
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    env: { ...process.env, ...options.env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let lastWords = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    lastWords = (lastWords + text).slice(-2_000);
  });
  for await (const line of createInterface({ input: child.stdout })) {
    return {
      process: child,
      started: Started.parse(JSON.parse(line)),
      async signal(name) {
        const ended = once(child, "exit");
        child.kill(name);
        const [code] = (await ended) as [number | null];
        return code;
      },
    };
  }
  throw new Error(`the host ended before it was ready: ${lastWords}`);
}
