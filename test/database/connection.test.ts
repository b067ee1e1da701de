import { readdirSync, readFileSync } from "node:fs";
import { setImmediate } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { isTaskerError } from "../../src/core/errors/index.ts";
import { takeOverSteps } from "../../src/host/database/claim-steps.ts";
import type { Database } from "../../src/host/database/connection.ts";
import { KEEPING_STATEMENTS } from "../../src/host/database/lanes.ts";
import { queryWithin } from "../../src/host/database/query-within.ts";
import { heartbeat } from "../../src/host/database/sessions.ts";
import { urlOf } from "../support/postgres-servers.ts";
import { type TestDatabase, testDatabase } from "../support/database.ts";
import { startProxy } from "../support/tcp-proxy.ts";
import { gateBefore } from "./support/gate.ts";
import { RULES, session } from "./support/workflow.ts";

const NOTHING_NATIVE = {
  namespaces: ["math"],
  quantity: 10,
  nativeCallables: [],
  mode: "embedded",
  retryRules: RULES,
  maxDependencyBytes: 1_000_000,
} as const;

const unreachable = (error: unknown): boolean => isTaskerError(error, "TSK_DATABASE_UNREACHABLE");

describe("Database", () => {
  let test: TestDatabase;
  beforeEach(async () => {
    test = await testDatabase({ migrated: false });
  });
  afterEach(() => test.close());

  const settings = `
    select current_setting('search_path') as path, current_setting('TimeZone') as zone,
           current_setting('transaction_isolation') as isolation, current_setting('jit') as jit,
           current_setting('statement_timeout') as statement, current_setting('idle_in_transaction_session_timeout') as idle,
           current_setting('application_name') as name, current_setting('work_mem') as memory,
           current_setting('client_connection_check_interval') as look`;

  it("sets up every session alike, whatever the database has as default and the URL asks for", async () => {
    const admin = test.open({ address: { url: test.adminUrl } });
    const name = new URL(test.url).pathname.slice(1);
    for (const setting of [
      "search_path = nowhere",
      "timezone = 'Asia/Tokyo'",
      "default_transaction_isolation = 'serializable'",
    ]) {
      await admin.query(`alter ${setting}`, `alter database ${name} set ${setting}`);
    }
    const url = new URL(test.url);
    url.searchParams.set("options", "-c work_mem=5MB -c search_path=theirs");
    const database = test.open({
      address: { url: url.href },
      statementTimeoutMs: 12_000,
      idleInTransactionTimeoutMs: 34_000,
    });
    expect(await database.query("settings", settings)).toEqual([
      {
        path: "tasker,public",
        zone: "UTC",
        isolation: "read committed",
        jit: "off",
        statement: "12s",
        idle: "34s",
        name: "tasker-host",
        memory: "5MB",
        look: "5s",
      },
    ]);
  });

  it("asks the server to find out when a host is gone without a word", async () => {
    const rows = await test
      .open()
      .query(
        "keepalive",
        `select name from pg_settings where source in ('client', 'session') and name ~ '^(tcp_|client_connection)' order by 1`,
      );
    expect(rows.map((row) => Object.values(Object(row))[0])).toEqual([
      "client_connection_check_interval",
      "tcp_keepalives_count",
      "tcp_keepalives_idle",
      "tcp_keepalives_interval",
      "tcp_user_timeout",
    ]);
  });

  it("reaches a server by the parts of its address, too", async () => {
    const { searchParams, username, pathname } = new URL(test.url);
    const host = searchParams.get("host") ?? "";
    const database = test.open({ address: { host, port: 5432, user: username, database: pathname.slice(1) } });
    expect(await database.query("who", "select current_user::text as who")).toEqual([{ who: username }]);
  });

  it("gives JSON as text, bigints as numbers where they fit, and timestamps without zone as text", async () => {
    const database = test.open();
    const rows = await database.query(
      "types",
      `select '{"n":12345678901234567890}'::jsonb as jsonb, '{"a":1,"a":2}'::json as json, 9007199254740991 as fits,
              9007199254740993 as large, timestamp '2026-01-02 03:04:05.678' as at, array['a', 'b'] as texts`,
    );
    expect(rows).toEqual([
      {
        jsonb: '{"n": 12345678901234567890}',
        json: '{"a":1,"a":2}',
        fits: 9_007_199_254_740_991,
        large: 9_007_199_254_740_993n,
        at: "2026-01-02 03:04:05.678",
        texts: ["a", "b"],
      },
    ]);
  });

  it("counts round trips by statement", async () => {
    const calls: string[] = [];
    const database = test.open({ onRoundTrip: (name) => calls.push(name) });
    await Promise.all([database.query("one", "select 1"), database.query("two", "select 2")]);
    await database.query("one", "select 1");
    expect(calls.toSorted()).toEqual(["one", "one", "two"]);
  });

  it("keeps the session after a statement that Postgres refused", async () => {
    const database = test.open({ maxConnections: 1 });
    const pid = () => database.query("pid", "select pg_backend_pid() as pid");
    const before = await pid();
    await expect(database.query("wrong", "select 1/0")).rejects.toMatchObject({ code: "22012" });
    expect(await pid()).toEqual(before);
  });

  it("gives up a statement that takes too long, and nothing else", async () => {
    const database = test.open({ maxConnections: 1, statementTimeoutMs: 1_000 });
    await expect(database.query("slow", "select pg_sleep(60)")).rejects.toMatchObject({ code: "TSK_DATABASE_TIMEOUT" });
    expect(await database.query("fast", "select 1 as one")).toEqual([{ one: 1 }]);
  });

  it("waits for an answer beyond the session's limit where a statement may take longer", async () => {
    const database = test.open({ maxConnections: 1, statementTimeoutMs: 100 });
    const rows = await database.session(async (client) => {
      await client.query("set statement_timeout = 0");
      return queryWithin(client, "select 1 as late from pg_sleep(5.5)", { timeoutMs: 60_000 });
    });
    expect(rows).toEqual([{ late: 1 }]);
  });

  it.each(["serialization_failure", "deadlock_detected"])("repeats a statement that lost by %s", async (condition) => {
    const database = test.open();
    await database.query("tries", "create sequence tries");
    await database.query(
      "lossy",
      `create function lossy(wins_at bigint) returns bigint language plpgsql as $$
       begin
         if nextval('public.tries') < wins_at then raise ${condition}; end if;
         return currval('public.tries');
       end $$`,
    );
    expect(await database.query("lossy_call", "select public.lossy($1) as tries", [3])).toEqual([{ tries: 3 }]);
    const code = condition === "deadlock_detected" ? "40P01" : "40001";
    await expect(database.query("lossy_call", "select public.lossy($1) as tries", [1_000])).rejects.toMatchObject({
      code: "TSK_DATABASE_CONFLICT",
      cause: { code },
    });
  });

  describe("where readers take all connections", () => {
    /** Slow readers, more than there are connections, and what becomes of them. */
    async function saturated(database: Database): Promise<Promise<unknown>[]> {
      const readers = Array.from({ length: 20 }, () =>
        database.query("read", "select pg_advisory_lock_shared(1)").catch((error: unknown) => error),
      );
      await expect.poll(() => database.use.waiting, { interval: 20 }).toBeGreaterThan(0);
      return readers;
    }

    it("renews leases at once, and a reader that waits too long says nothing of the server", async () => {
      await using migrated = await testDatabase();
      const admin = migrated.open({ maxConnections: 1 });
      const database = migrated.open({ maxConnections: 4, connectTimeoutMs: 3_000 });
      const host = await session(admin);
      await admin.query("lock", "select pg_advisory_lock(1)");
      const readers = await saturated(database);
      const began = performance.now();
      for (let n = 0; n < 10; n += 1) expect(await heartbeat(database, host)).toBe(true);
      expect(await takeOverSteps(database, { ...NOTHING_NATIVE, session: host })).toMatchObject({ steps: [] });
      // As long as the readers have to wait before they give up: none of that.
      expect(performance.now() - began).toBeLessThan(20_000);
      expect(database.use.waiting + database.use.size).toBeGreaterThan(0);
      await expect(database.query("read", "select 1")).rejects.toMatchObject({ code: "TSK_DATABASE_BUSY" });
      expect(database.circuit.state).toBe("closed");
      await admin.query("unlock", "select pg_advisory_unlock(1)");
      const ends = await Promise.all(readers);
      expect(ends.filter((end) => isTaskerError(end, "TSK_DATABASE_BUSY"))).toHaveLength(18);
    });

    it("lets no more wait than it says", async () => {
      const database = test.open({ maxConnections: 1, connectTimeoutMs: 60_000 });
      const waiting = Array.from({ length: 1_002 }, () =>
        database.query("wait", "select pg_sleep(0.001)").then(
          () => "done",
          (error: unknown) => (isTaskerError(error) ? error.code : "another error"),
        ),
      );
      const ends = await Promise.all(waiting);
      expect(Object.groupBy(ends, (end) => end)["TSK_DATABASE_BUSY"]).toHaveLength(1);
      expect(new Set(ends)).toEqual(new Set(["done", "TSK_DATABASE_BUSY"]));
    });

    it("knows the statements that keep leases by the names that they have", () => {
      const folder = new URL("../../src/host/database/", import.meta.url);
      const sources = readdirSync(folder).filter((name) => name.endsWith(".ts") && name !== "lanes.ts");
      const text = sources.map((name) => readFileSync(new URL(name, folder), "utf8")).join("\n");
      for (const name of KEEPING_STATEMENTS) expect(text).toMatch(new RegExp(`query(<.+>)?\\(\\s*"${name}"`));
    });
  });

  describe("where the server is gone", () => {
    it("says so at once, and works again when it is back", async () => {
      await using gate = await gateBefore(test.url);
      const database = test.open({ address: { url: gate.url } });
      await database.query("ping", "select 1");
      await gate.shut();
      for (let n = 0; n < 3; n += 1) await expect(database.query("ping", "select 1")).rejects.toSatisfy(unreachable);
      await gate.open();
      await expect.poll(() => database.circuit.state, { interval: 20 }).toBe("closed");
      expect(await Promise.all(Array.from({ length: 8 }, () => database.query("ping", "select 1 as up")))).toEqual(
        Array.from({ length: 8 }, () => [{ up: 1 }]),
      );
      await database.close();
    });

    it("fails the statement that was under way", async () => {
      await using gate = await gateBefore(test.url);
      const database = test.open({ address: { url: gate.url } });
      const admin = test.open({ address: { url: test.adminUrl } });
      const sleeping = database.query("sleep", "select pg_sleep(60)").catch((error: unknown) => error);
      await statementSeen(admin, "pg_sleep(60)");
      await gate.shut();
      expect(await sleeping).toSatisfy(unreachable);
      await database.close();
    });

    it("gives up a session that lost its way to a server which is well, within seconds, and no statement that is just slow", async () => {
      const { searchParams, username, pathname } = new URL(test.url);
      await using proxy = await startProxy({ socketPath: `${searchParams.get("host")}/.s.PGSQL.5432` });
      const url = `postgres://${username}@127.0.0.1:${proxy.port}${pathname}`;
      const admin = test.open({ address: { url: test.adminUrl } });
      const holder = test.open({ maxConnections: 1 });
      await holder.query("lock", "select pg_advisory_lock(1)");
      // One of them is for statements that keep leases. Nobody is asked while answers are lost, however long that takes.
      const database = test.open({ address: { url }, maxConnections: 3, silenceMs: 8_000 });
      await Promise.all([database.query("ping", "select 1"), database.query("ping", "select 1")]);
      const slow = database.query("slow", "select pg_advisory_lock(1), 1 as slow");
      await statementSeen(admin, "pg_advisory_lock(1), 1 as slow");
      proxy.setMode("answers-lost");
      const lost = database.query("lost", "select 1 as lost").catch((error: unknown) => error);
      const answered = (): Promise<readonly unknown[]> =>
        admin.query(
          "answered",
          "select 1 as yes from pg_stat_activity where query = 'select 1 as lost' and state = 'idle' and datname = current_database()",
        );
      await expect.poll(answered, { interval: 20 }).toEqual([{ yes: 1 }]);
      proxy.setMode("pass");
      expect(await lost).toSatisfy(unreachable);
      expect(database.circuit.state).toBe("closed");
      await holder.query("unlock", "select pg_advisory_unlock(1)");
      expect(await slow).toMatchObject([{ slow: 1 }]);
      await database.close();
    });

    it("leaves a session alone while a large statement is on its way over a slow network", async () => {
      const { searchParams, username, pathname } = new URL(test.url);
      await using proxy = await startProxy({ socketPath: `${searchParams.get("host")}/.s.PGSQL.5432` });
      const url = `postgres://${username}@127.0.0.1:${proxy.port}${pathname}`;
      const database = test.open({ address: { url }, maxConnections: 1, silenceMs: 2_000 });
      const length = (text: string): Promise<readonly unknown[]> =>
        database.query("length", "select length($1::text) as length", [text]);
      // The server knows the statement: of the next call it learns nothing before all of it is there.
      expect(await length("short")).toEqual([{ length: 5 }]);
      // Four seconds on the way; for one of this size even 25 would be no reason to give it up.
      proxy.setMode({ bytesPerMs: 1_500 });
      expect(await length("x".repeat(6_000_000))).toEqual([{ length: 6_000_000 }]);
      expect(database.circuit.state).toBe("closed");
      await database.close();
    });

    it("takes its own stall for no silence of the server", async () => {
      const { searchParams, username, pathname } = new URL(test.url);
      await using proxy = await startProxy({ socketPath: `${searchParams.get("host")}/.s.PGSQL.5432` });
      const url = `postgres://${username}@127.0.0.1:${proxy.port}${pathname}`;
      const admin = test.open({ maxConnections: 1 });
      await admin.query("lock", "select pg_advisory_lock(1)");
      const database = test.open({ address: { url }, maxConnections: 1, silenceMs: 2_000, probeMs: 5_000 });
      const slow = database.query("slow", "select pg_advisory_lock(1), 1 as slow");
      // The second connection is the probe's.
      while (proxy.connections < 2) await setImmediate();
      // For longer than it asks.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 7_000);
      while (proxy.connections > 1) await setImmediate();
      expect(database.circuit.state).toBe("closed");
      await admin.query("unlock", "select pg_advisory_unlock(1)");
      expect(await slow).toMatchObject([{ slow: 1 }]);
      await database.close();
    });

    it("or says so of a session that an administrator ended", async () => {
      const database = test.open({ maxConnections: 1 });
      const admin = test.open({ address: { url: test.adminUrl } });
      const sleeping = database.query("sleep", "select pg_sleep(60)").catch((error: unknown) => error);
      await statementSeen(admin, "pg_sleep(60)");
      await admin.query(
        "end_all",
        "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'tasker-host' and query ~ 'pg_sleep' and pid <> pg_backend_pid()",
      );
      expect(await sleeping).toSatisfy(unreachable);
      expect(await database.query("ping", "select 1 as up")).toEqual([{ up: 1 }]);
    });

    it("from the start, or was never told of the database", async () => {
      await using gate = await gateBefore(test.url);
      await gate.shut();
      await expect(test.open({ address: { url: gate.url } }).query("ping", "select 1")).rejects.toSatisfy(unreachable);
      const nowhere = test.open({ address: { url: urlOf(test.url, "no_such_database") } });
      await expect(nowhere.query("ping", "select 1")).rejects.toMatchObject({ code: "3D000" });
    });
  });

  describe("listen()", () => {
    it("tells of notifications, and of every connection, before and after the server was gone", async () => {
      await using gate = await gateBefore(test.url);
      const listening = test.open({ address: { url: gate.url } });
      const database = test.open();
      const heard = signals<string>();
      const connected = signals<void>();
      listening.listen({ "a.channel": heard.send }, connected.send);
      await connected.next();
      await database.query("notify", "select pg_notify('a.channel', $1)", ["first"]);
      expect(await heard.next()).toBe("first");

      await gate.shut();
      await database.query("notify", "select pg_notify('a.channel', $1)", ["missed"]);
      await gate.open();
      await connected.next();
      await database.query("notify", "select pg_notify('a.channel', $1)", ["second"]);
      expect(await heard.next()).toBe("second");
      await listening.close();
    });
  });

  it("leaves no session behind when it is closed, which may be done twice", async () => {
    const database = test.open({ maxConnections: 3 });
    const connected = signals<void>();
    database.listen({ channel: () => undefined }, connected.send);
    await connected.next();
    await Promise.all(Array.from({ length: 6 }, () => database.query("ping", "select 1")));
    await Promise.all([database.close(), database.close()]);
    const admin = test.open({ address: { url: test.adminUrl }, maxConnections: 1 });
    const left = () =>
      admin.query(
        "left",
        "select from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'",
      );
    // A backend goes when it has read that its client is gone.
    await expect.poll(left).toEqual([]);
  });
});

/** Waits until another session runs a statement with these words. */
async function statementSeen(admin: ReturnType<TestDatabase["open"]>, words: string): Promise<void> {
  await expect
    .poll(
      () =>
        admin.query(
          "seen",
          `select 1 as seen from pg_stat_activity
            where state = 'active' and pid <> pg_backend_pid() and position($1 in query) > 0 and datname = current_database()`,
          [words],
        ),
      { interval: 20 },
    )
    .toEqual([{ seen: 1 }]);
}

/** Values that come one by one, and somebody who waits for the next. */
function signals<T>(): { readonly send: (value: T) => void; readonly next: () => Promise<T> } {
  const came: PromiseWithResolvers<T>[] = [];
  const at = (index: number): PromiseWithResolvers<T> => (came[index] ??= Promise.withResolvers<T>());
  let sent = 0;
  let taken = 0;
  return {
    send: (value) => at(sent++).resolve(value),
    next: () => at(taken++).promise,
  };
}
