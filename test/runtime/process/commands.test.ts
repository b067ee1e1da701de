/** Commands that the machine makes wait, and commands that refuse: only a refusal says what the machine cannot do. */
import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { whyNot } from "../../../src/runtime/process/commands.ts";

let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "tasker-host-test-"));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

interface Fake {
  readonly program: string;
  /** The processes that have begun to run it. */
  readonly pids: () => readonly number[];
}

/** A command of these lines of shell. `$n` is how many have begun to run it, itself among them. */
async function fake(name: string, lines: string): Promise<Fake> {
  const program = join(directory, name);
  const pids = `${program}.pids`;
  const counting = `echo $$ >>${pids}; set -- $(/usr/bin/wc -l ${pids}); n=$1`;
  await writeFile(program, `#!/bin/sh\n${counting}\n${lines}\n`, { mode: 0o755 });
  return {
    program,
    pids: () => (existsSync(pids) ? readFileSync(pids, "latin1").trimEnd().split("\n").map(Number) : []),
  };
}

const STALL = "exec /bin/sleep 600";

/** Patience that is over as soon as the command has begun with the first so many attempts, and without end with the others. */
function shortFor({ pids }: Fake, attempts: number): () => AbortSignal {
  let attempt = 0;
  return () => {
    const over = new AbortController();
    const begun = (attempt += 1);
    if (begun <= attempts) {
      void vi.waitUntil(() => pids().length === begun, { timeout: 60_000 }).then(() => over.abort());
    }
    return over.signal;
  };
}

describe("whyNot()", () => {
  it("tries a command once more that did not end in time", async () => {
    const command = await fake("stalls-once", `[ "$n" = 1 ] && ${STALL}\nexit 0`);
    expect(await whyNot([command.program], shortFor(command, 1))).toBeUndefined();
    expect(command.pids()).toHaveLength(2);
  });

  it("says that a command did not end in time where the second did not either, and leaves none of them", async () => {
    const command = await fake("stalls", `trap "" TERM\n${STALL}`);
    expect(await whyNot([command.program], shortFor(command, 2))).toBe("it did not end within 20 s, 2 times");
    expect(command.pids()).toHaveLength(2);
    for (const pid of command.pids()) expect(() => process.kill(pid, 0)).toThrow("ESRCH");
  });

  it("believes a command that refuses", async () => {
    const command = await fake("refuses", `echo "not here" >&2\nexit 1`);
    expect(await whyNot([command.program])).toBe("not here");
    expect(command.pids()).toHaveLength(1);
  });
});
