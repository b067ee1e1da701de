/**
 * Native code planted into each kind of child: what it reaches that asks no permission of Node's. Its stand-in is `node` itself
 * without `--permission`, started by the very words that start a child.
 */
import { chmod, copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { wallsInForce } from "../../../src/runtime/index.ts";
import { launchNode, type Spawned } from "../../../src/runtime/process/child-process.ts";
import { type ChildCode, type ChildKind, childCode } from "../../../src/runtime/process/code-snapshot.ts";
import { descendantsOf, killTree } from "../../../src/runtime/process/process-tree.ts";
import { probeWalls } from "../../../src/runtime/process/walls.ts";

const REPOSITORY = fileURLToPath(new URL("../../..", import.meta.url));
const KINDS: readonly ChildKind[] = ["sandbox", "translate", "prepare"];
const PLANTED = `
const fs = require("node:fs");
const { spawnSync } = require("node:child_process");
const { connect } = require("node:net");
const tried = {};
const attempt = async (name, act) => { try { tried[name] = String((await act()) ?? "reached"); } catch (error) { tried[name] = "refused: " + (error.code ?? error.message); } };
const reach = (where) => new Promise((resolve, reject) => { connect(where, () => resolve("connected")).on("error", reject); });
const run = (program, ...args) => { const done = spawnSync(program, args, { stdio: "pipe" }); if (done.error) throw done.error; if (done.status !== 0) throw new Error("status " + done.status + ": " + done.stderr); };
const openFiles = () => Array.from({ length: 250 }, (_, index) => index + 3).filter((fd) => { try { const found = fs.fstatSync(fd); return found.isFile() || found.isDirectory() || found.isSocket(); } catch { return false; } });
(async () => {
  await attempt("environment", () => JSON.stringify(process.env));
  await attempt("open files", () => JSON.stringify(openFiles()));
  await attempt("the root", () => JSON.stringify(fs.readdirSync("/")));
  await attempt("a file of the system", () => fs.readFileSync("/etc/passwd", "utf8").length);
  await attempt("a file of the repository", () => fs.readFileSync(asked.repository + "/config/base/sandbox.toml", "utf8").length);
  await attempt("a file that everybody may read", () => fs.readFileSync(asked.directory + "/secret", "utf8"));
  await attempt("the host's environment", () => fs.readFileSync("/proc/" + asked.hostPid + "/environ", "utf8").length);
  await attempt("the host's command line", () => fs.readFileSync("/proc/" + asked.hostPid + "/cmdline", "utf8").length);
  await attempt("the host's memory", () => fs.openSync("/proc/" + asked.hostPid + "/mem", "r+"));
  await attempt("the host's root", () => fs.readdirSync("/proc/" + asked.hostPid + "/root").length);
  await attempt("other processes", () => fs.readdirSync("/proc").length);
  await attempt("a device", () => fs.openSync("/dev/zero", "r"));
  await attempt("a shell", () => run("/bin/sh", "-c", "true"));
  await attempt("the code of the children to come", () => fs.appendFileSync(asked.entry, "// planted"));
  await attempt("a new file beside the code", () => fs.writeFileSync(asked.seen + "/new-file", "x"));
  await attempt("a new file in /tmp", () => fs.writeFileSync("/tmp/" + asked.name, "x"));
  await attempt("a new file in /", () => fs.writeFileSync("/" + asked.name, "x"));
  await attempt("node itself", () => { const now = new Date(); fs.utimesSync(process.execPath, now, now); });
  await attempt("a port of the host", () => reach({ port: asked.port, host: "127.0.0.1" }));
  await attempt("a socket in a folder of its owner", () => reach({ path: asked.directory + "/closed/socket" }));
  await attempt("a socket in a folder of everybody", () => reach({ path: asked.directory + "/open/socket" }));
  await attempt("a socket without a folder", () => reach({ path: "\\0" + asked.name }));
  await attempt("a signal to the host", () => { process.kill(asked.hostPid, 0); });
  await attempt("a signal to another namespace", () => { process.kill(asked.neighbourPid, 0); });
  await attempt("the memory of another namespace", () => fs.openSync("/proc/" + asked.neighbourPid + "/mem", "r+"));
  await attempt("another uid", () => { process.setuid(0); process.setgid(1); });
  await attempt("namespaces of its own", () => run(asked.seen + "/unshare", "--user", "--map-root-user", process.execPath, "--version"));
  await attempt("a mount of its own", () => run(asked.seen + "/unshare", "--mount", process.execPath, "--version"));
  console.log(JSON.stringify(tried));
  process.stdin.resume();
})();
`;

const standing = new Map((await wallsInForce()).map(({ name, inForce }) => [name, inForce]));
const machine = await probeWalls();
const servers: Server[] = [];
let directory: string;
let port: number;
/** A child of another namespace, with nothing to do. */
let neighbour: Spawned;

beforeAll(async () => {
  neighbour = launchNode(machine, await childCode("sandbox"), () => ["-e", "console.log(1); process.stdin.resume();"]);
  await firstLine(neighbour);
  directory = await mkdtemp(join(tmpdir(), "tasker-host-test-"));
  await chmod(directory, 0o755);
  await writeFile(join(directory, "secret"), "the secret", { mode: 0o644 });
  for (const [folder, mode] of [
    ["closed", 0o700],
    ["open", 0o777],
  ] as const) {
    await mkdir(join(directory, folder));
    const path = join(directory, folder, "socket");
    servers.push(await listening({ path }));
    await chmod(path, 0o777);
    await chmod(join(directory, folder), mode);
  }
  servers.push(await listening({ path: `\0${nameOf()}` }));
  const tcp = await listening({ port: 0, host: "127.0.0.1" });
  servers.push(tcp);
  const address = tcp.address();
  port = typeof address === "object" && address !== null ? address.port : 0;
});

afterAll(async () => {
  killTree(neighbour.process.pid ?? 0);
  for (const server of servers) server.close();
  await rm(directory, { recursive: true, force: true });
});

describe.each(KINDS)("native code in a %s process", (kind) => {
  let code: ChildCode;
  let tried: Readonly<Record<string, string>>;
  let status: string;

  beforeAll(async () => {
    code = await childCode(kind);
    await copyFile("/usr/bin/unshare", join(code.directory, "unshare")).catch(() => undefined);
    const child = launchNode(machine, code, (seen) => {
      const asked = {
        repository: REPOSITORY,
        directory,
        hostPid: process.pid,
        neighbourPid: innermost(neighbour),
        port,
        name: nameOf(),
        seen: seen.directory,
        entry: seen.entry,
      };
      return ["-e", `const asked = ${JSON.stringify(asked)};${PLANTED}`];
    });
    try {
      tried = JSON.parse(await firstLine(child));
      status = await readFile(`/proc/${innermost(child)}/status`, "utf8").catch(() => "");
    } finally {
      killTree(child.process.pid ?? 0);
      await rm(join(code.directory, "unshare"), { force: true });
    }
  });

  it("finds an empty environment", () => {
    expect(tried["environment"]).toBe("{}");
  });

  it.skipIf(!standing.get("own-root"))("finds no file open [without a root of its own: node itself]", () => {
    expect(tried["open files"]).toBe("[]");
  });

  it.skipIf(!standing.get("own-root"))("finds nothing in its root but itself [without one: the machine's]", () => {
    const found: readonly string[] = JSON.parse(tried["the root"] ?? "[]");
    expect(found.filter((name) => !/^(code|dev|node|setpriv|lib\d*|usr)$/.test(name))).toEqual([]);
  });

  it
    .skipIf(!standing.get("own-root"))
    .each([
      "a file of the system",
      "a file of the repository",
      "a file that everybody may read",
      "the host's command line",
      "the host's root",
      "other processes",
      "a device",
      "a shell",
      "a new file in /tmp",
      "a socket in a folder of everybody",
      "namespaces of its own",
    ])("does not reach %s [without a root of its own: it does]", (what) => {
    expect(tried[what]).toMatch(/^refused/);
  });

  it
    .skipIf(!standing.get("own-root") && !standing.get("own-uid"))
    .each([
      "the host's environment",
      "the host's memory",
      "the code of the children to come",
      "a new file beside the code",
      "a new file in /",
      "node itself",
      "a socket in a folder of its owner",
      "a mount of its own",
    ])("does not reach %s [with neither a root nor a uid of its own: it may]", (what) => {
    expect(tried[what]).toMatch(/^refused/);
  });

  it.skipIf(!standing.get("namespaces")).each(["a port of the host", "a socket without a folder"])(
    "does not reach %s [without namespaces: it may]",
    (what) => {
      expect(tried[what]).toMatch(/^refused/);
    },
  );

  it
    .skipIf(!standing.get("namespaces") && !standing.get("own-uid"))
    .each(["a signal to the host", "a signal to another namespace", "the memory of another namespace"])(
    "does not reach %s [with neither namespaces nor a uid of its own: it may]",
    (what) => {
      expect(tried[what]).toMatch(/^refused/);
    },
  );

  it("does not become another user", () => {
    // In a user namespace it is root of itself already: the first call succeeds and changes nothing.
    expect(tried["another uid"]).toMatch(/^refused/);
  });

  it.skipIf(!standing.get("no-new-privileges"))("has no privileges and gets none [without setpriv: it may]", () => {
    expect(/^NoNewPrivs:\t(\d)/m.exec(status)?.[1]).toBe("1");
    for (const set of ["CapInh", "CapPrm", "CapEff", "CapAmb"]) {
      expect([set, new RegExp(`^${set}:\\t(\\S+)`, "m").exec(status)?.[1]]).toEqual([set, "0000000000000000"]);
    }
  });

  it.skipIf(!standing.get("own-root"))(
    "leaves the code as it was [without a root of its own: checked before a start]",
    async () => {
      expect(await readFile(code.entry, "utf8")).not.toContain("// planted");
    },
  );
});

function nameOf(): string {
  return `tasker-host-native-${process.pid}`;
}

async function listening(where: { path: string } | { port: number; host: string }): Promise<Server> {
  const server = createServer((socket) => socket.end()).listen(where);
  await new Promise((resolve, reject) => server.once("listening", resolve).once("error", reject));
  return server;
}

async function firstLine({ stdout, stderr }: Spawned): Promise<string> {
  const errors: Buffer[] = [];
  stderr.on("data", (chunk: Buffer) => errors.push(chunk));
  for await (const line of createInterface({ input: stdout })) return line;
  throw new Error(Buffer.concat(errors).toString());
}

/** The process of the planted code: before it there may be the one that holds its namespaces. */
function innermost({ process: { pid = 0 } }: Spawned): number {
  return descendantsOf(pid).at(-1) ?? pid;
}
