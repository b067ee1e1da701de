/** What a native program started and moved out of its group and session: it dies with it all the same. */
import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { describe, expect, it, vi } from "vitest";
import { wallsInForce } from "../../../src/runtime/index.ts";
import { launchNode } from "../../../src/runtime/process/child-process.ts";
import { childCode } from "../../../src/runtime/process/code-snapshot.ts";
import { descendantsOf, killAllOf, killTree } from "../../../src/runtime/process/process-tree.ts";
import { probeWalls } from "../../../src/runtime/process/walls.ts";

const ALIVE = "setInterval(() => undefined, 1000);";
const HERE = `console.log(process.pid); ${ALIVE}`;
/** Its child belongs to nobody of ours as soon as it has ended. */
const ORPHANING = `${starting(HERE)} setTimeout(() => process.exit(), 200);`;
/** Below the numbers that children get, as is the next one: nobody else ends what has it. */
const UID = 60_998;
/** For what is only waited for. */
const PATIENT = { timeout: 30_000 };

const standing = new Map((await wallsInForce()).map(({ name, inForce }) => [name, inForce]));

describe("killTree()", () => {
  it("kills what left the group and the session of the process", async () => {
    const child = started(
      spawn(process.execPath, ["-e", `${starting(`${starting(HERE)} ${ALIVE}`)} ${ALIVE}`], { detached: true }),
    );
    await child.line;
    const pids = [child.pid, ...descendantsOf(child.pid)];
    expect(pids).toHaveLength(3);
    killTree(child.pid);
    await vi.waitFor(() => expect(pids.filter(isAlive)).toEqual([]), PATIENT);
  });

  it.skipIf(!standing.get("namespaces"))(
    "kills orphans of a child of ours [without namespaces: by their uid, if they have one]",
    async () => {
      const machine = await probeWalls();
      const code = await childCode("sandbox");
      const spawned = launchNode(machine, code, () => ["-e", `${starting(ORPHANING)} ${ALIVE}`]);
      const child = started(spawned.process);
      await child.line;
      // The one that holds the namespaces, the program, and what the one that is gone by then left to it.
      const pids = await vi.waitFor(() => {
        const found = [child.pid, ...descendantsOf(child.pid)];
        expect(found).toHaveLength(3);
        return found;
      }, PATIENT);
      killTree(child.pid);
      await vi.waitFor(() => expect(pids.filter(isAlive)).toEqual([]), PATIENT);
    },
  );

  it("does not mind a process that is gone", async () => {
    const child = started(spawn(process.execPath, ["-e", "console.log(1)"], { detached: true }));
    await child.ended;
    expect(() => killTree(child.pid)).not.toThrow();
  });
});

describe.skipIf(process.getuid?.() !== 0)("killAllOf() [needs root: only root gives uids]", () => {
  it("kills what has the uid and no parent any more, and nothing else", async () => {
    const other = started(spawn(process.execPath, ["-e", `console.log(1); ${ALIVE}`], { uid: UID + 1, cwd: "/" }));
    await other.line;
    const child = started(spawn(process.execPath, ["-e", ORPHANING], { uid: UID, gid: UID, cwd: "/", detached: true }));
    const orphan = Number(await child.line);
    await child.ended;
    killTree(child.pid);
    expect(isAlive(orphan)).toBe(true);
    killAllOf(UID);
    await vi.waitFor(() => expect(isAlive(orphan)).toBe(false), PATIENT);
    expect(isAlive(other.pid)).toBe(true);
    killTree(other.pid);
  });
});

/** Code that starts `node` with more code, in a session of its own, and does not wait for it. */
function starting(code: string): string {
  return `require("node:child_process").spawn(process.execPath, ["-e", ${JSON.stringify(code)}], { detached: true, stdio: ["pipe", "inherit", "inherit"] }).unref();`;
}

function started(child: ChildProcess): { pid: number; line: Promise<string>; ended: Promise<unknown> } {
  const { pid, stdout } = child;
  if (pid === undefined || stdout === null) throw new Error("it did not start");
  const line = new Promise<string>((resolve) => createInterface({ input: stdout }).once("line", resolve));
  return { pid, line, ended: new Promise((resolve) => child.once("exit", resolve)) };
}

function isAlive(pid: number): boolean {
  try {
    return !readFileSync(`/proc/${pid}/status`, "latin1").includes("\nState:\tZ");
  } catch {
    return false;
  }
}
