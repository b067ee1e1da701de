import { spawn, type ChildProcess } from "node:child_process";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { Writable } from "node:stream";
import { Client } from "pg";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { isTaskerError, type TaskerError } from "../../src/core/errors/index.ts";
import { createLogger, silentLogger } from "../../src/core/logger.ts";
import {
  type EmbeddedPostgres,
  type EmbeddedPostgresOptions,
  startEmbeddedPostgres,
} from "../../src/host/database/embedded/start-embedded-postgres.ts";

const IS_ROOT = process.geteuid?.() === 0;
const NOBODY = 65_534;

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** A folder of its own in /tmp: short enough for a socket, open to the user that Postgres runs as. */
function folder(mode = 0o755): string {
  const path = mkdtempSync("/tmp/tasker-pg-");
  chmodSync(path, mode);
  cleanups.push(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

let shared: string | undefined;
afterAll(() => {
  if (shared !== undefined) rmSync(shared, { recursive: true, force: true });
});

/** A data directory whose first start is behind it, for tests that do not care: initdb takes most of their time. */
async function usedDataDir(): Promise<string> {
  if (shared !== undefined) return shared;
  shared = mkdtempSync("/tmp/tasker-pg-");
  chmodSync(shared, 0o755);
  await (await start(shared)).stop();
  return shared;
}

async function start(dataDir: string, options: Partial<EmbeddedPostgresOptions> = {}): Promise<EmbeddedPostgres> {
  const server = await startEmbeddedPostgres({
    dataDir,
    logger: silentLogger,
    cacheDir: join(dataDir, "cache"),
    ...options,
  });
  cleanups.push(() => server.stop());
  return server;
}

async function query(
  { connection }: Pick<EmbeddedPostgres, "connection">,
  ...statements: readonly string[]
): Promise<readonly Record<string, unknown>[]> {
  const client = new Client(connection);
  await client.connect();
  try {
    let rows: Record<string, unknown>[] = [];
    for (const statement of statements) ({ rows } = await client.query<Record<string, unknown>>(statement));
    return rows;
  } finally {
    await client.end();
  }
}

async function refusal(run: Promise<unknown>): Promise<TaskerError> {
  const error: unknown = await run.then(
    () => new Error("it started"),
    (reason: unknown) => reason,
  );
  if (isTaskerError(error)) return error;
  throw error;
}

const Message = z.object({
  progress: z.string().optional(),
  ready: z
    .object({
      pid: z.number(),
      adopted: z.boolean(),
      connection: z.object({ host: z.string(), port: z.number(), user: z.string(), database: z.string() }),
    })
    .optional(),
  error: z.object({ code: z.string().optional(), message: z.string() }).optional(),
});
type Message = z.infer<typeof Message>;

interface HostProcess {
  readonly child: ChildProcess;
  /** The next message; rejects where the process ends without one. */
  next(): Promise<Message>;
  /** The message that it is ready. */
  ready(): Promise<NonNullable<Message["ready"]>>;
  /** Ends it as `kill -9` does, or by closing its standard input. */
  kill(): Promise<void>;
  finish(): Promise<void>;
}

function hostProcess(dataDir: string, options: { uid?: number; path?: string; cacheDir?: string } = {}): HostProcess {
  const { uid, path = process.env["PATH"], cacheDir = join(dataDir, "cache") } = options;
  const child = spawn(process.execPath, [join(import.meta.dirname, "host-process.ts"), dataDir, cacheDir], {
    stdio: ["pipe", "pipe", "inherit"],
    env: { PATH: path, HOME: "/nonexistent" },
    ...(uid === undefined ? {} : { uid, gid: uid }),
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const exited = new Promise<void>((resolve) => {
    child.once("exit", () => resolve());
  });
  const next = async (): Promise<Message> => {
    const { value, done } = await lines.next();
    if (done === true) throw new Error("the host process ended without a word");
    return Message.parse(JSON.parse(value));
  };
  const host: HostProcess = {
    child,
    next,
    async ready() {
      for (;;) {
        const message = await next();
        if (message.error !== undefined) throw new Error(`${message.error.code}: ${message.error.message}`);
        if (message.ready !== undefined) return message.ready;
      }
    },
    async kill() {
      child.kill("SIGKILL");
      await exited;
    },
    async finish() {
      child.stdin?.end();
      await exited;
    },
  };
  cleanups.push(() => host.finish());
  return host;
}

describe("`startEmbeddedPostgres()`", () => {
  it("makes the database on the first start, says so, and finds it again on the second", async () => {
    const dataDir = join(folder(), "data");
    const progress: string[] = [];
    const first = await start(dataDir, { onProgress: (message) => progress.push(message) });
    expect(progress).toEqual(["Preparing the database (first start)…"]);
    expect(first).toMatchObject({ adopted: false, dataDir });
    const [facts] = await query(
      first,
      "create table kept as select 42 as answer",
      `select current_user as role, current_setting('TimeZone') as zone, current_setting('search_path') as path,
              current_setting('fsync') as fsync, current_setting('listen_addresses') as listens,
              (select rolsuper from pg_roles where rolname = current_user) as super,
              current_setting('server_encoding') as encoding`,
    );
    expect(facts).toEqual({
      role: "tasker",
      zone: "UTC",
      path: "tasker, public",
      fsync: "on",
      listens: "",
      super: false,
      encoding: "UTF8",
    });
    await first.stop();

    const second = await start(dataDir, { onProgress: (message) => progress.push(message) });
    expect(await query(second, "select answer from kept")).toEqual([{ answer: 42 }]);
    expect(progress).toHaveLength(1);
  });

  it("lets nobody else in: socket and data are closed to other users", async () => {
    const server = await start(await usedDataDir());
    expect(statSync(server.connection.host).mode & 0o777).toBe(0o700);
    expect(statSync(join(server.dataDir, "cluster")).mode & 0o777).toBe(0o700);
    expect(statSync(join(server.dataDir, "host.lock")).mode & 0o777).toBe(0o600);
  });

  it.runIf(process.platform === "linux")("gives the server nothing of the host's environment", async () => {
    const server = await start(await usedDataDir());
    const environment = readFileSync(`/proc/${server.pid}/environ`, "utf8").split("\0").filter(Boolean);
    const names = environment.map((entry) => entry.slice(0, entry.indexOf("="))).sort();
    expect(names.filter((name) => !name.startsWith("PG"))).toEqual(["LC_ALL", "PATH", "TZ"]);
  });

  it("puts the socket elsewhere where the path is too long for one", async () => {
    const server = await start(join(folder(), "x".repeat(90), "y".repeat(90)));
    cleanups.unshift(() => rmSync(server.connection.host, { recursive: true }));
    expect(server.connection.host).toMatch(/^\/tmp\/tasker-host-[0-9a-f]{16}$/);
    expect(statSync(server.connection.host).mode & 0o777).toBe(0o700);
    expect(await query(server, "select 1 as one")).toEqual([{ one: 1 }]);
  });

  it("takes settings over its own", async () => {
    const server = await start(await usedDataDir(), { settings: { fsync: "off", max_connections: "17" } });
    expect(await query(server, "show max_connections")).toEqual([{ max_connections: "17" }]);
  });

  it("stops twice as well as once", async () => {
    const server = await start(await usedDataDir());
    await Promise.all([server.stop(), server.stop()]);
    await server.stop();
    expect(existsSync(join(server.dataDir, "cluster", "postmaster.pid"))).toBe(false);
  });
});

describe("a host that is killed", () => {
  it("leaves a server that the next host adopts, with its data", async () => {
    const dataDir = await usedDataDir();
    const killed = hostProcess(dataDir);
    const { pid, connection } = await killed.ready();
    await query({ connection }, "create table adopted as select 7 as answer");
    await killed.kill();

    const next = await start(dataDir);
    expect(next).toMatchObject({ adopted: true, pid });
    expect(await query(next, "select answer from adopted")).toEqual([{ answer: 7 }]);
    await next.stop();
    expect((await start(dataDir)).adopted).toBe(false);
  });

  it("during its first start leaves nothing that the next one trips over", async () => {
    const dataDir = join(folder(), "data");
    const killed = hostProcess(dataDir);
    expect(await killed.next()).toHaveProperty("progress");
    await killed.kill();
    const next = await start(dataDir);
    expect(await query(next, "select 1 as one")).toEqual([{ one: 1 }]);
    expect(readdirSync(dataDir).filter((name) => name.startsWith("initializing-"))).toEqual([]);
  });

  it("together with its server loses nothing that was committed", async () => {
    const dataDir = await usedDataDir();
    const killed = hostProcess(dataDir);
    const { pid, connection } = await killed.ready();
    await query({ connection }, "create table committed as select n from generate_series(1, 1000) n");
    await killed.kill();
    process.kill(pid, "SIGKILL");
    const next = await start(dataDir);
    expect(next.adopted).toBe(false);
    expect(await query(next, "select count(*)::int from committed")).toEqual([{ count: 1_000 }]);
  });

  it("whose server's process id another process has by now does not keep the next one from starting", async () => {
    const dataDir = await usedDataDir();
    const server = await start(dataDir);
    const { uid, gid } = statSync(join(dataDir, "cluster"));
    const lines = readFileSync(join(dataDir, "cluster", "postmaster.pid"), "utf8")
      .split("\n")
      .slice(1);
    await server.stop();
    const stranger = spawn("sleep", ["60"], { uid, gid, stdio: "ignore" });
    cleanups.push(() => stranger.kill());
    writeFileSync(join(dataDir, "cluster", "postmaster.pid"), [stranger.pid, ...lines].join("\n"));
    chownSync(join(dataDir, "cluster", "postmaster.pid"), uid, gid);
    expect((await start(dataDir)).adopted).toBe(false);
    expect(stranger.exitCode).toBeNull();
  });
});

describe("a second host", () => {
  it("is refused while the first lives, by name of its process", async () => {
    const dataDir = await usedDataDir();
    const first = hostProcess(dataDir);
    await first.ready();
    const error = await refusal(start(dataDir));
    expect(error.code).toBe("TSK_HOST_DATA_DIR_BUSY");
    expect(error.message).toContain(`the host with process id ${first.child.pid} holds it`);
  });

  it("is refused in the same process too, and welcome after the first has stopped", async () => {
    const dataDir = await usedDataDir();
    const first = await start(dataDir);
    expect((await refusal(start(dataDir))).message).toContain(`process id ${process.pid}`);
    await first.stop();
    expect((await start(dataDir)).adopted).toBe(false);
  });

  it("does not mind what a dead one left, even where its process id lives again", async () => {
    const dataDir = await usedDataDir();
    const killed = hostProcess(dataDir);
    await killed.ready();
    await killed.kill();
    writeFileSync(join(dataDir, "host.pid"), `${process.ppid}\n`);
    expect((await start(dataDir)).adopted).toBe(true);
  });

  it("and a third that start together: one wins", async () => {
    const dataDir = join(folder(), "data");
    const hosts = [hostProcess(dataDir), hostProcess(dataDir), hostProcess(dataDir)];
    const ends = await Promise.all(
      hosts.map((host) =>
        host.ready().then(
          () => "ready",
          (error: unknown) => String(error).split(": ")[1],
        ),
      ),
    );
    expect(ends.filter((end) => end === "ready")).toHaveLength(1);
    expect(ends.filter((end) => end === "TSK_HOST_DATA_DIR_BUSY")).toHaveLength(2);
  });
});

describe("a server that dies under its host", () => {
  it("is started again on the same socket", async () => {
    const upAgain = Promise.withResolvers<void>();
    const destination = new Writable({
      write(chunk: Buffer, _, done) {
        if (chunk.toString().includes("up again")) upAgain.resolve();
        done();
      },
    });
    const server = await start(await usedDataDir(), { logger: createLogger({ level: "info", destination }) });
    const { pid } = server;
    await query(server, "create table survived as select 9 as answer");
    process.kill(pid, "SIGKILL");
    await upAgain.promise;
    expect(server.pid).not.toBe(pid);
    expect(await query(server, "select answer from survived")).toEqual([{ answer: 9 }]);
  });
});

describe("`startEmbeddedPostgres()` refuses clearly", () => {
  it("a path that cannot be a folder", async () => {
    const path = join(folder(), "file");
    writeFileSync(path, "");
    expect(await refusal(start(path, { cacheDir: folder() }))).toMatchObject({
      code: "TSK_DATABASE_EMBEDDED_DIR_UNUSABLE",
    });
  });

  it("data of another major version", async () => {
    const dataDir = join(folder(), "data");
    await (await start(dataDir)).stop();
    writeFileSync(join(dataDir, "cluster", "PG_VERSION"), "14\n");
    const error = await refusal(start(dataDir));
    expect(error.code).toBe("TSK_DATABASE_EMBEDDED_VERSION");
    expect(error.message).toMatch(/data of Postgres 14 \(accepted: data of Postgres \d+\)$/);
  });

  it("a server that does not start, with the end of its log, and gives the directory free", async () => {
    const dataDir = await usedDataDir();
    await (await start(dataDir)).stop();
    const error = await refusal(start(dataDir, { settings: { shared_buffers: "nonsense" } }));
    expect(error.code).toBe("TSK_DATABASE_EMBEDDED_START_FAILED");
    expect(error.message).toMatch(/exit code 1, its last words: FATAL: .*shared_buffers/);
    expect(error.details["log"]).toHaveLength(20);
    expect((await start(dataDir)).adopted).toBe(false);
  });
});

describe.runIf(IS_ROOT)("a host that is root", () => {
  it("hands Postgres to somebody without rights", async () => {
    const server = await start(await usedDataDir());
    expect(statSync(`/proc/${server.pid}`).uid).toBe(NOBODY);
    expect(statSync(server.connection.host).uid).toBe(NOBODY);
  });

  it("uses a user namespace below a folder that is closed to others", async () => {
    const server = await start(join(folder(0o700), "data"));
    expect(await query(server, "select 1 as one")).toEqual([{ one: 1 }]);
    expect(statSync(join(server.dataDir, "cluster")).uid).toBe(0);
    await server.stop();
    expect(await query(await start(server.dataDir), "select 1 as one")).toEqual([{ one: 1 }]);
  });

  it("keeps the data in the cache folder where there are no user namespaces either", async () => {
    const dataDir = join(folder(0o700), "data");
    const cacheDir = folder();
    const link = join(folder(), "link");
    symlinkSync(cacheDir, link);
    // Without `unshare` in its path the host cannot make a user namespace.
    const options = { path: "/nonexistent", cacheDir: link };
    const first = hostProcess(dataDir, options);
    const { connection, pid } = await first.ready();
    await query({ connection }, "create table kept as select 3 as answer");
    expect(connection.host.startsWith(cacheDir)).toBe(true);
    expect(statSync(`/proc/${pid}`).uid).toBe(NOBODY);
    await first.finish();
    const second = await hostProcess(dataDir, options).ready();
    expect(await query(second, "select answer from kept")).toEqual([{ answer: 3 }]);
  });

  it("runs on the data of a user as that user, who finds them usable afterwards", async () => {
    const dataDir = folder();
    chownSync(dataDir, NOBODY, NOBODY);
    const users = hostProcess(dataDir, { uid: NOBODY });
    await users.ready();
    await users.finish();
    const roots = await start(dataDir);
    expect(statSync(`/proc/${roots.pid}`).uid).toBe(NOBODY);
    await roots.stop();
    expect(await hostProcess(dataDir, { uid: NOBODY }).ready()).toMatchObject({ adopted: false });
  });
});

describe.runIf(IS_ROOT)("a host that is a normal user", () => {
  it("starts, and starts again", async () => {
    const dataDir = folder();
    chownSync(dataDir, NOBODY, NOBODY);
    for (const _ of [1, 2]) {
      const host = hostProcess(dataDir, { uid: NOBODY });
      const { connection, pid } = await host.ready();
      expect(connection.host).toBe(join(dataDir, "socket"));
      expect(statSync(`/proc/${pid}`).uid).toBe(NOBODY);
      await host.finish();
    }
  });

  it("starts without a name in /etc/passwd", async () => {
    const dataDir = folder();
    chownSync(dataDir, 4_321, 4_321);
    for (const _ of [1, 2]) {
      const host = hostProcess(dataDir, { uid: 4_321 });
      expect(await host.ready()).toMatchObject({ adopted: false });
      await host.finish();
    }
  });

  it("is told whose the files are", async () => {
    const dataDir = join(folder(), "data");
    await (await start(dataDir)).stop();
    const { error } = await hostProcess(dataDir, { uid: 4_321 }).next();
    expect(error).toMatchObject({ code: "TSK_DATABASE_EMBEDDED_DIR_UNUSABLE" });
    chmodSync(dataDir, 0o777);
    mkdirSync(join(dataDir, "cache"), { recursive: true });
    rmSync(join(dataDir, "host.lock"));
    rmSync(join(dataDir, "postgres.log"));
    const second = await hostProcess(dataDir, { uid: 4_321 }).next();
    expect(second.error?.message).toMatch(/files of user 65534, while the host is user 4321/);
  });
});
