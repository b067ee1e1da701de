import { readFile } from "node:fs/promises";
import { join } from "node:path";
import pg from "pg";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { isTaskerError } from "../../src/core/errors/index.ts";
import { migrate, migrationStatus } from "../../src/host/database/migrate.ts";
import { migrationFiles } from "../../src/host/database/migration-files.ts";
import { STEP_STATES, STEP_TRANSITIONS } from "../../src/host/domain/step-states.ts";
import { TASK_STATES, TASK_TRANSITIONS } from "../../src/host/domain/task-states.ts";
import { type TestDatabase, testDatabase, testServerNames } from "../support/database.ts";
import {
  brokenInvariants,
  claimOne,
  createOne,
  drain,
  LINEAR,
  register,
  report,
  session,
  success,
} from "./support/workflow.ts";

const MIGRATIONS = join(import.meta.dirname, "../../migrations");

describe.each(testServerNames())("migrate() on %s", (server) => {
  let test: TestDatabase;
  const clients: pg.Client[] = [];

  const connect = async (): Promise<pg.Client> => {
    const client = new pg.Client({ connectionString: test.url });
    await client.connect();
    clients.push(client);
    return client;
  };
  const schemas = async (client: pg.Client): Promise<readonly string[]> => {
    const { rows } = await client.query<{ readonly name: string }>(
      "select nspname::text as name from pg_namespace where nspname !~ '^pg_' and nspname <> 'information_schema' order by 1",
    );
    return rows.map(({ name }) => name);
  };

  beforeEach(async () => {
    test = await testDatabase({ server, migrated: false });
  });
  afterEach(async () => {
    for (const client of clients.splice(0)) await client.end();
    await test.close();
  });

  it("makes every schema in an empty database, and has nothing to do the second time", async () => {
    const client = await connect();
    const before = await migrationStatus(client);
    expect(before).toMatchObject({ taskerSchema: "ours", queues: "plain", applied: [] });
    expect(await schemas(client)).toEqual(["public"]);
    const seen: string[] = [];
    expect(await migrate(client, (name) => seen.push(name))).toEqual(before.pending);
    expect(seen).toEqual(before.pending);
    expect(await schemas(client)).toEqual(["pgmq", "public", "tasker", "tasker_host"]);
    expect(await migrate(client)).toEqual([]);
    expect(await migrationStatus(client)).toMatchObject({ applied: before.pending, pending: [] });
  });

  it("is done by one of many hosts that start at the same time", async () => {
    const applied = await Promise.all(
      (await Promise.all(Array.from({ length: 5 }, connect))).map((each) => migrate(each)),
    );
    expect(applied.filter((names) => names.length > 0)).toHaveLength(1);
  });

  it("applies a function again whose text changed, also where its columns did, and nothing else", async () => {
    const client = await connect();
    await migrate(client);
    await client.query("drop function tasker_host.heartbeat(uuid)");
    await client.query("create function tasker_host.heartbeat(p_old text) returns int language sql as 'select 1'");
    await client
      .query("create or replace function tasker_host.queue_of(text) returns text language sql as 'select null::text'")
      .catch(() => undefined);
    const changed = ["functions/tasker_host/heartbeat.sql", "functions/tasker_host/queue_of.sql"];
    await client.query("update tasker_host.migrations set checksum = 'other' where name = any ($1)", [changed]);
    expect(await migrate(client)).toEqual(changed);
    const { rows } = await client.query(
      "select tasker_host.queue_of('a') as queue, tasker_host.heartbeat('00000000-0000-7000-8000-000000000000') as live",
    );
    expect(rows).toEqual([{ queue: "worker_a_queue", live: false }]);
    const { rows: functions } = await client.query(
      "select count(*)::int as n from pg_proc where proname = 'heartbeat' and pronamespace = 'tasker_host'::regnamespace",
    );
    expect(functions).toEqual([{ n: 1 }]);
  });

  it("refuses a database that a newer host has migrated", async () => {
    const client = await connect();
    await migrate(client);
    await client.query(
      "insert into tasker_host.migrations (name, checksum) values ('tasker_host/9999_future.sql', 'x')",
    );
    for (const attempt of [migrate, migrationStatus]) {
      await expect(attempt(client)).rejects.toSatisfy((error) => isTaskerError(error, "TSK_DATABASE_SCHEMA_NEWER"));
    }
  });

  it("refuses a database whose numbered files had another text", async () => {
    const client = await connect();
    await migrate(client);
    await client.query("update tasker_host.migrations set checksum = 'x' where name = 'tasker/0002_tables.sql'");
    await expect(migrate(client)).rejects.toSatisfy((error) => isTaskerError(error, "TSK_DATABASE_MIGRATION_CHANGED"));
  });

  it("changes nothing where a file fails, and says which", async () => {
    const client = await connect();
    // A schema of somebody else's with a table that the second file wants to make.
    await client.query("create schema tasker");
    await client.query("create table tasker.named_steps ()");
    await expect(migrate(client)).rejects.toSatisfy(
      (error) =>
        isTaskerError(error, "TSK_DATABASE_MIGRATION_FAILED") && error.message.includes("tasker/0002_tables.sql"),
    );
    expect(await schemas(client)).toEqual(["public", "tasker"]);
  });

  it("makes functions whose bodies all stand", async () => {
    const client = await connect();
    await migrate(client);
    // Applied with bodies unchecked, because files name each other; now everything that they name is there.
    const functions = (await migrationFiles()).filter(({ kind }) => kind === "function");
    for (const { text } of functions) await expect(client.query(text)).resolves.toBeDefined();
  });

  it("knows the same states as the host", async () => {
    const client = await connect();
    await migrate(client);
    const { rows } = await client.query<{ readonly name: string; readonly text: string }>(
      `select conname as name, pg_get_constraintdef(oid) as text from pg_constraint
        where contype = 'c' and conname ~ '_(to|from)_state$'`,
    );
    const states = new Map(
      rows.map(({ name, text }) => [name, Array.from(text.matchAll(/'(\w+)'/g), (match) => match[1] ?? "").sort()]),
    );
    expect(states.get("chk_task_transitions_to_state")).toEqual([...TASK_STATES].sort());
    expect(states.get("chk_task_transitions_from_state")).toEqual([...TASK_STATES].sort());
    expect(states.get("chk_step_transitions_to_state")).toEqual([...STEP_STATES].sort());
    expect(states.get("chk_step_transitions_from_state")).toEqual([...STEP_STATES].sort());

    const table = await client.query<{ readonly row: string }>(
      "select concat_ws(' ', machine, from_state, event, to_state) as row from tasker_host.state_transitions()",
    );
    const expected = (
      machine: string,
      transitions: Readonly<Record<string, Readonly<Record<string, string>>>>,
    ): string[] =>
      Object.entries(transitions).flatMap(([from, events]) =>
        Object.entries(events).map(([event, to]) => `${machine} ${from} ${event} ${to}`),
      );
    expect(table.rows.map(({ row }) => row).sort()).toEqual(
      [...expected("task", TASK_TRANSITIONS), ...expected("step", STEP_TRANSITIONS)].sort(),
    );
  });

  describe("where tasker-core has migrated the database", () => {
    /** Tasker's own migrations stood in for: its tables, its functions, its audit trigger. */
    const migrateAsTaskerCore = async (client: pg.Client): Promise<void> => {
      for (const { group, text } of await migrationFiles()) {
        if (group === "pgmq" || group === "tasker" || group === "functions/tasker") {
          await client.query("set check_function_bodies = off");
          await client.query(text);
        }
      }
      await client.query(TASKERS_TRIGGER);
    };
    const describeTasker = async (client: pg.Client): Promise<unknown> => {
      const { rows } = await client.query(
        `select 'column ' || table_schema || '.' || table_name || '.' || column_name as it, data_type as is
           from information_schema.columns where table_schema in ('tasker', 'pgmq')
         union all select 'index ' || schemaname || '.' || indexname, indexdef from pg_indexes where schemaname in ('tasker', 'pgmq')
         union all select 'function ' || p.oid::regprocedure, md5(p.prosrc) from pg_proc p
           where p.pronamespace in ('tasker'::regnamespace, 'pgmq'::regnamespace)
         union all select 'trigger ' || tgname, tgrelid::regclass::text from pg_trigger join pg_class c on c.oid = tgrelid
           where not tgisinternal and c.relnamespace in ('tasker'::regnamespace, 'pgmq'::regnamespace)
         order by 1`,
      );
      return rows;
    };

    it("adds nothing to its schemas, and works beside it", async () => {
      const client = await connect();
      await migrateAsTaskerCore(client);
      const before = await describeTasker(client);
      expect((await migrationStatus(client)).taskerSchema).toBe("tasker-core");
      const applied = await migrate(client);
      expect(applied.filter((name) => !name.includes("tasker_host/"))).toEqual([]);
      expect(await describeTasker(client)).toEqual(before);
      expect(await migrationStatus(client)).toMatchObject({ taskerSchema: "tasker-core", pending: [] });
    });

    it("leaves the audit rows to its trigger, which finds success and time", async () => {
      const client = await connect();
      await migrateAsTaskerCore(client);
      await migrate(client);
      const database = test.open();
      const [row] = await database.query("test_trigger", "select tasker_host.audit_by_trigger() as by_trigger");
      expect(row).toEqual({ by_trigger: true });
      await register(database, "linear", LINEAR);
      await createOne(database, "linear");
      const host = await session(database);
      await report(database, host, [success(await claimOne(database, host))]);
      const rows = await database.query(
        "test_audit",
        "select success, execution_time_ms, worker_uuid from tasker.workflow_step_result_audit",
      );
      expect(rows).toEqual([{ success: true, execution_time_ms: 7, worker_uuid: host }]);
      await drain(database, host);
      expect(await brokenInvariants(database)).toEqual([]);
    });
  });
});

/** A trigger of the same name and effect as tasker-core's. */
const TASKERS_TRIGGER = `
  create function tasker.audit_stand_in() returns trigger language plpgsql as $$
  declare
    v_event jsonb := (new.metadata ->> 'event')::jsonb;
  begin
    insert into tasker.workflow_step_result_audit
      (workflow_step_uuid, workflow_step_transition_uuid, task_uuid, worker_uuid, correlation_id, success, execution_time_ms)
    select new.workflow_step_uuid, new.workflow_step_transition_uuid, s.task_uuid, (new.metadata ->> 'worker_uuid')::uuid,
           (new.metadata ->> 'correlation_id')::uuid,
           coalesce((v_event ->> 'success')::boolean, new.to_state = 'enqueued_for_orchestration'),
           (v_event #>> '{metadata,execution_time_ms}')::bigint
      from tasker.workflow_steps s where s.workflow_step_uuid = new.workflow_step_uuid;
    return new;
  end
  $$;
  create trigger trg_step_result_audit after insert on tasker.workflow_step_transitions for each row
    when (new.to_state in ('enqueued_for_orchestration', 'enqueued_as_error_for_orchestration'))
    execute function tasker.audit_stand_in();`;

it("the ledger's own file may be applied again and again", async () => {
  await using test = await testDatabase();
  const client = new pg.Client({ connectionString: test.url });
  await client.connect();
  await expect(client.query(await readFile(join(MIGRATIONS, "ledger.sql"), "utf8"))).resolves.toBeDefined();
  await client.end();
});
