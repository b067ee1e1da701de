/** What was open where the host was started: it must not go on to a child. */
import { spawn } from "node:child_process";
import { mkdtemp, open, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, it } from "vitest";

const SOURCES = fileURLToPath(new URL("../../../src/runtime/process/", import.meta.url));
/** Beyond those that libuv closes by itself. */
const FD = 40;
const HOST = `
import { launchNode } from ${JSON.stringify(join(SOURCES, "child-process.ts"))};
import { childCode } from ${JSON.stringify(join(SOURCES, "code-snapshot.ts"))};
import { probeWalls } from ${JSON.stringify(join(SOURCES, "walls.ts"))};
import { readSync } from "node:fs";
const here = Buffer.alloc(10);
readSync(${FD}, here, 0, 10, 0);
const read = 'const b = Buffer.alloc(10); try { console.log(require("node:fs").readSync(${FD}, b, 0, 10, 0), b.toString()) } catch (error) { console.log(error.code) }';
const child = launchNode(await probeWalls(), await childCode("sandbox"), () => ["-e", read]);
process.stdout.write(here.toString() + " ");
child.stdout.pipe(process.stdout);
`;
let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "tasker-host-test-"));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

it.skipIf(process.platform !== "linux")(
  "a file that the host was started with is not open in its children [Linux only]",
  async () => {
    const path = join(directory, "secret");
    await writeFile(path, "the secret");
    await writeFile(join(directory, "host.ts"), HOST);
    await using file = await open(path);
    const stdio = Array.from({ length: FD + 1 }, (_, fd) => (fd === 1 ? "pipe" : fd === FD ? file.fd : "ignore"));
    const host = spawn(process.execPath, ["--no-warnings", join(directory, "host.ts")], { stdio });
    if (host.stdout === null) throw new Error("no output");
    expect(await text(host.stdout)).toMatch(/^the secret (0 \0+|E\w+)\n$/);
  },
);
