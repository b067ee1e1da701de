/** The end of a child beside a host that the machine did not let run meanwhile. */
import type * as ChildProcesses from "node:child_process";
import { EventEmitter, once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { afterEach, describe, expect, it, vi } from "vitest";
import { Child } from "../../../src/runtime/process/child-process.ts";
import { encodeFrame } from "../../../src/runtime/process/frames.ts";

const { spawned } = vi.hoisted((): { spawned: { now: unknown } } => ({ spawned: { now: undefined } }));

vi.mock("node:child_process", async (original) => {
  const real = await original<typeof ChildProcesses>();
  const spawn = (...args: Parameters<typeof real.spawn>): unknown => spawned.now ?? real.spawn(...args);
  return { ...real, spawn };
});

afterEach(() => {
  spawned.now = undefined;
});

/** Two ends of a pipe: what is written to one is at the other at once, to be read in a later turn of the event loop. */
async function connected(): Promise<{ readonly near: Socket; readonly far: Socket }> {
  const directory = await mkdtemp(join(tmpdir(), "tasker-host-test-"));
  const path = join(directory, "pipe");
  const server = createServer().listen(path);
  await once(server, "listening");
  const near = connect(path);
  const [far] = (await once(server, "connection")) as [Socket];
  server.close();
  await rm(directory, { recursive: true });
  return { near, far };
}

/** Keeps this thread from everything, as a machine does that has no time for it. */
function standStill(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

describe("Child", () => {
  it("reads what the dead process said last, however long the host could not run in between", async () => {
    const { near, far } = await connected();
    const stdio = { stdin: new PassThrough(), stdout: near, stderr: new PassThrough() };
    spawned.now = Object.assign(new EventEmitter(), stdio, { pid: undefined });
    const heard: unknown[] = [];
    const ended = Promise.withResolvers<string>();
    await Child.start({
      kind: "sandbox",
      tiers: "both",
      heapMegabytes: 64,
      frameLimits: () => ({ maxHeadBytes: 1_000, maxHeadValues: 10, maxBlobs: 0, maxBlobBytes: 0 }),
      onFrame: ({ head }) => heard.push(head),
      onExit: ended.resolve,
    });
    const process = spawned.now as EventEmitter;
    // The other end stays open, as a stray child of the process keeps it.
    setImmediate(() => {
      far.write(encodeFrame({ started: 1 }));
      process.emit("exit", 1, null);
      standStill(1_000);
    });
    await ended.promise;
    far.destroy();
    expect(heard).toEqual([{ started: 1 }]);
  });
});
