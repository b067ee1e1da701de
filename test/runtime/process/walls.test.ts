/** Code planted into a child, behind the walls that every kind of child has: what it can reach. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { wallsInForce } from "../../../src/runtime/index.ts";
import { spawnBehindWalls } from "../../../src/runtime/process/child-process.ts";
import { childCode } from "../../../src/runtime/process/code-snapshot.ts";
import { probeWalls } from "../../../src/runtime/process/walls.ts";

const PLANTED = `
import { readFileSync, readdirSync, writeFileSync, openSync } from "node:fs";
import { spawnSync } from "node:child_process";
import { connect } from "node:net";
import { Worker } from "node:worker_threads";
const tried = {};
const attempt = async (name, act) => { try { tried[name] = String((await act()) ?? "reached"); } catch (error) { tried[name] = "refused: " + (error.code ?? error.message); } };
await attempt("environment", () => JSON.stringify(process.env));
await attempt("a file of the system", () => readFileSync("/etc/passwd", "utf8").slice(0, 4));
await attempt("a secret file", () => readFileSync(secret, "utf8"));
await attempt("the host's environment", () => readFileSync("/proc/" + hostPid + "/environ", "utf8").length);
await attempt("its own environment by file", () => readFileSync("/proc/self/environ", "utf8").length);
await attempt("a directory", () => readdirSync("/").length);
await attempt("a new file", () => writeFileSync("/tmp/planted", "x"));
await attempt("a device", () => openSync("/dev/mem", "r"));
await attempt("a process", () => { const done = spawnSync("/bin/true"); if (done.error) throw done.error; });
await attempt("a thread", () => new Worker("1", { eval: true }));
await attempt("code from text", () => new Function("return 1")());
await attempt("an addon", () => process.dlopen({ exports: {} }, "/lib/x86_64-linux-gnu/libc.so.6"));
await attempt("a signal to the host", () => { process.kill(Number(hostPid), 0); });
await attempt("the network", () => new Promise((resolve, reject) => { connect(Number(port), "127.0.0.1", () => resolve("connected")).on("error", reject); }));
await attempt("uid", () => process.getuid());
console.log(JSON.stringify(tried));
`;

const walls = new Map((await wallsInForce()).map(({ name, inForce }) => [name, inForce]));
let tried: Readonly<Record<string, string>>;
let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "tasker-host-test-"));
  const secret = join(directory, "secret");
  await writeFile(secret, "the secret", { mode: 0o644 });
  const server = createServer((socket) => socket.end()).listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;

  const code = await childCode("sandbox");
  const entry = join(code.directory, "planted.js");
  await writeFile(entry, `const [port, hostPid, secret] = ${JSON.stringify([port, process.pid, secret])};${PLANTED}`);
  process.env["TASKER_TEST_SECRET"] = "in the environment";
  const child = spawnBehindWalls(await probeWalls(), { ...code, entry }, { heapMegabytes: 128, tiers: "both" });
  const [output, errors] = await Promise.all([text(child.stdout), text(child.stderr)]);
  server.close();
  if (errors !== "") throw new Error(errors);
  tried = JSON.parse(output);
});

afterAll(() => rm(directory, { recursive: true, force: true }));

describe("code planted in a child process", () => {
  it("finds an empty environment", () => {
    expect(tried["environment"]).toBe("{}");
  });

  it.each([
    "a file of the system",
    "a secret file",
    "the host's environment",
    "a directory",
    "a new file",
    "a device",
    "a process",
    "a thread",
    "code from text",
    "an addon",
  ])("does not reach %s", (what) => {
    expect(tried[what]).toMatch(/^refused/);
  });

  it.skipIf(!walls.get("namespaces"))("does not reach the network [without namespaces: it does]", () => {
    expect(tried["the network"]).toMatch(/^refused/);
  });

  it.skipIf(!walls.get("namespaces") && !walls.get("own-uid"))(
    "does not reach the host with a signal [with neither namespaces nor an own uid: it does]",
    () => {
      expect(tried["a signal to the host"]).toMatch(/^refused/);
    },
  );

  it.skipIf(!walls.get("own-uid"))("has a uid that is nobody's [not root: it has the host's]", () => {
    expect(Number(tried["uid"])).toBeGreaterThan(10_000);
  });
});

describe("wallsInForce()", () => {
  it("says of every wall whether it is in force, and why or how", async () => {
    const all = await wallsInForce();
    expect(all.map(({ name }) => name)).toContain("namespaces");
    expect(all.every(({ reason }) => reason !== "")).toBe(true);
  });

  it.skipIf(!walls.get("own-uid"))("comes with a number of its own for each process [not root: none]", async () => {
    const machine = await probeWalls();
    expect(new Set(Array.from({ length: 100 }, () => machine.freshUid())).size).toBe(100);
  });
});
