/** Runs every command of docs/tutorial.md as a newcomer types it, and holds what it prints against the page. */
import { spawnSync } from "node:child_process";
import { randomInt } from "node:crypto";
import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { Terminal } from "./support/terminal.ts";
import { type Block, blocksBelow, type ConsoleEntry, patternOf } from "./support/walkthrough.ts";

const PAGE = readFileSync(join(import.meta.dirname, "../../docs/tutorial.md"), "utf8");
/** What the page shows; the test takes a port that is free. */
const PORT_SHOWN = 8081;
/** Where nobody looks on, progress is a line of its own; at a desk the next one takes its place. */
const PROGRESS = /^[A-Z][a-z]+ing .*…\n/gm;

it.each(["In TypeScript", "In AssemblyScript"])("docs/tutorial.md holds: %s", { timeout: 600_000 }, async (title) => {
  const folder = await mkdtemp(join(tmpdir(), "tasker-tutorial-"));
  const port = await freePort();
  const env = {
    ...process.env,
    // An author at a desk: where CI is set, vitest writes no snapshot for the first time.
    CI: undefined,
    TASKER_HOST__WEB__BIND_ADDRESS: `127.0.0.1:${port}`,
    TASKER_HOST__ORCHESTRATION_API__BASE_URL: `http://127.0.0.1:${port}`,
  };
  const readable = (text: string): string => text.replaceAll(`:${port}`, `:${PORT_SHOWN}`).replace(PROGRESS, "");
  {
    await using first = new Terminal(folder, env, readable);
    await using second = new Terminal(folder, env, readable);
    const blocks = blocksBelow(PAGE, title);
    expect(blocks.length).toBeGreaterThan(10);
    for (const block of blocks) await follow(block, { folder, first, second });
  }
  await rm(folder, { recursive: true, force: true });
});

interface Desk {
  readonly folder: string;
  readonly first: Terminal;
  readonly second: Terminal;
}

async function follow(block: Block, desk: Desk): Promise<void> {
  switch (block.kind) {
    case "diff":
      apply(block.patch, join(desk.folder, "greeter"));
      break;
    case "console":
      for (const entry of block.entries)
        if (block.terminal === "") await runToItsEnd(entry, desk.first);
        else await lookOn(entry, desk.second);
      break;
    default:
      block satisfies never;
  }
}

async function runToItsEnd({ command, expected }: ConsoleEntry, terminal: Terminal): Promise<void> {
  const printed = (await terminal.run(command ?? "")).trimEnd();
  const shown = [`$ ${command}`, ...expected].join("\n");
  const fits = new RegExp(`^${patternOf(expected)}\n*$`).test(`${printed}\n`);
  expect(fits ? shown : `$ ${command}\n${printed}`).toBe(shown);
}

/** In the terminal whose commands go on: what comes next, up to the last line that the page shows. */
async function lookOn({ command, expected }: ConsoleEntry, terminal: Terminal): Promise<void> {
  if (command === "^C") terminal.interrupt();
  else if (command !== undefined) terminal.type(command);
  if (expected.length > 0) await terminal.until(new RegExp(`^${patternOf(expected)}`));
}

function apply(patch: string, folder: string): void {
  const { status, stderr } = spawnSync("git", ["apply", "-p0", "-"], { cwd: folder, input: patch, encoding: "utf8" });
  if (status !== 0) throw new Error(`The page's change does not fit:\n${patch}\n${stderr}`);
}

/** Below those that the system gives to whoever asks for any: it is the page's for minutes, in which it is not always bound. */
async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(20_000, 30_000);
    if (await isFree(port)) return port;
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port, "127.0.0.1");
  try {
    await once(server, "listening");
    return true;
  } catch {
    return false;
  } finally {
    server.close();
  }
}
