import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Database } from "../../src/host/database/connection.ts";
import { queueDepths } from "../../src/host/messaging/step-queues.ts";
import { type TestDatabase, testDatabase, testServerNames } from "../support/database.ts";
import { createOne, register, SINGLE } from "./support/workflow.ts";

/** What Tasker and its workers call, with the parameter names of pgmq 1.5.1. */
const SIGNATURES = [
  "archive(queue_name text, msg_id bigint) returns boolean",
  "archive(queue_name text, msg_ids bigint[]) returns SETOF bigint",
  "create(queue_name text) returns void",
  "create_non_partitioned(queue_name text) returns void",
  "create_partitioned(queue_name text, partition_interval text, retention_interval text) returns void",
  "create_unlogged(queue_name text) returns void",
  "delete(queue_name text, msg_id bigint) returns boolean",
  "delete(queue_name text, msg_ids bigint[]) returns SETOF bigint",
  "detach_archive(queue_name text) returns void",
  "drop_queue(queue_name text) returns boolean",
  "drop_queue(queue_name text, partitioned boolean) returns boolean",
  "list_queues() returns SETOF pgmq.queue_record",
  "metrics(queue_name text) returns pgmq.metrics_result",
  "metrics_all() returns SETOF pgmq.metrics_result",
  "pop(queue_name text) returns SETOF pgmq.message_record",
  "purge_queue(queue_name text) returns bigint",
  "read(queue_name text, vt integer, qty integer, conditional jsonb) returns SETOF pgmq.message_record",
  "read_with_poll(queue_name text, vt integer, qty integer, max_poll_seconds integer, poll_interval_ms integer, conditional jsonb) returns SETOF pgmq.message_record",
  "send(queue_name text, msg jsonb) returns SETOF bigint",
  "send(queue_name text, msg jsonb, delay integer) returns SETOF bigint",
  "send(queue_name text, msg jsonb, delay timestamp with time zone) returns SETOF bigint",
  "send(queue_name text, msg jsonb, headers jsonb) returns SETOF bigint",
  "send(queue_name text, msg jsonb, headers jsonb, delay integer) returns SETOF bigint",
  "send(queue_name text, msg jsonb, headers jsonb, delay timestamp with time zone) returns SETOF bigint",
  "send_batch(queue_name text, msgs jsonb[]) returns SETOF bigint",
  "send_batch(queue_name text, msgs jsonb[], delay integer) returns SETOF bigint",
  "send_batch(queue_name text, msgs jsonb[], delay timestamp with time zone) returns SETOF bigint",
  "send_batch(queue_name text, msgs jsonb[], headers jsonb[]) returns SETOF bigint",
  "send_batch(queue_name text, msgs jsonb[], headers jsonb[], delay integer) returns SETOF bigint",
  "send_batch(queue_name text, msgs jsonb[], headers jsonb[], delay timestamp with time zone) returns SETOF bigint",
  "set_vt(queue_name text, msg_id bigint, vt integer) returns SETOF pgmq.message_record",
];

describe.each(testServerNames())("our own pgmq on %s", (server) => {
  let test: TestDatabase;
  let database: Database;
  let queues = 0;

  beforeAll(async () => {
    test = await testDatabase({ server });
    database = test.open();
  });
  afterAll(() => test.close());

  const sql = <Row>(text: string, values: readonly unknown[] = []): Promise<readonly Row[]> =>
    database.query<Row>(`test_${text.length}_${text.slice(0, 40)}`, text, values);
  const newQueue = async (): Promise<string> => {
    queues += 1;
    const name = `jobs_${queues}`;
    await sql("select pgmq.create($1)", [name]);
    return name;
  };
  const read = (queue: string, vt: number, qty: number) =>
    sql<{
      readonly msg_id: number;
      readonly read_ct: number;
      readonly message: string;
      readonly headers: string | null;
    }>("select msg_id, read_ct, message, headers from pgmq.read($1, $2, $3)", [queue, vt, qty]);

  it("has the functions of pgmq 1.5.1", async () => {
    const rows = await sql<{ readonly signature: string }>(
      `select p.proname || '(' || regexp_replace(pg_get_function_arguments(p.oid), ' DEFAULT [^,)]+', '', 'g') || ') returns '
              || pg_get_function_result(p.oid) as signature
         from pg_proc p where p.pronamespace = 'pgmq'::regnamespace
          and p.proname not in ('format_table_name', 'validate_queue_name', 'create_queue_tables')`,
    );
    expect(rows.map(({ signature }) => signature).sort()).toEqual(SIGNATURES.toSorted());
  });

  it("has its tables, column by column: Tasker reads and updates them itself", async () => {
    const queue = await newQueue();
    const columns = (table: string) =>
      sql<{ readonly it: string }>(
        `select column_name || ' ' || data_type || case is_nullable when 'NO' then ' not null' else '' end as it
           from information_schema.columns where table_schema = 'pgmq' and table_name = $1 order by ordinal_position`,
        [table],
      ).then((rows) => rows.map(({ it }) => it));
    expect(await columns(`q_${queue}`)).toEqual([
      "msg_id bigint not null",
      "read_ct integer not null",
      "enqueued_at timestamp with time zone not null",
      "vt timestamp with time zone not null",
      "message jsonb",
      "headers jsonb",
    ]);
    expect(await columns(`a_${queue}`)).toEqual([
      "msg_id bigint not null",
      "read_ct integer not null",
      "enqueued_at timestamp with time zone not null",
      "archived_at timestamp with time zone not null",
      "vt timestamp with time zone not null",
      "message jsonb",
      "headers jsonb",
    ]);
  });

  it("reads oldest first, hides what was read, and counts reads", async () => {
    const queue = await newQueue();
    const sent = await sql<{ readonly id: number }>(
      `select * from pgmq.send_batch($1, array['1','2','3']::jsonb[]) id`,
      [queue],
    );
    expect(sent.map(({ id }) => id)).toEqual([1, 2, 3]);
    expect((await read(queue, 30, 2)).map(({ message }) => message)).toEqual(["1", "2"]);
    expect((await read(queue, 30, 2)).map(({ message }) => message)).toEqual(["3"]);
    expect(await read(queue, 30, 2)).toEqual([]);
    await sql("select pgmq.set_vt($1, 2, 0)", [queue]);
    expect(await read(queue, 0, 9)).toEqual([{ msg_id: 2, read_ct: 2, message: "2", headers: null }]);
  });

  it("sends with delay and with headers, and reads what matches a condition", async () => {
    const queue = await newQueue();
    await sql("select pgmq.send($1, $2::jsonb, 3600)", [queue, '{"late":true}']);
    await sql("select pgmq.send($1, $2::jsonb, $3::jsonb)", [queue, '{"kind":"a"}', '{"h":1}']);
    await sql("select pgmq.send($1, $2::jsonb, clock_timestamp())", [queue, '{"kind":"b"}']);
    const matching = await sql(`select message, headers from pgmq.read($1, 0, 9, '{"kind":"a"}')`, [queue]);
    expect(matching).toEqual([{ message: '{"kind": "a"}', headers: '{"h": 1}' }]);
    expect(await read(queue, 0, 9)).toHaveLength(2);
  });

  it("archives, deletes, pops and purges", async () => {
    const queue = await newQueue();
    await sql(`select pgmq.send_batch($1, array['1','2','3','4','5','6','7']::jsonb[])`, [queue]);
    expect(await sql("select pgmq.archive($1, 1) as done", [queue])).toEqual([{ done: true }]);
    expect(await sql("select pgmq.archive($1, 1) as done", [queue])).toEqual([{ done: false }]);
    expect(await sql("select * from pgmq.archive($1, array[2, 3, 99]) id", [queue])).toHaveLength(2);
    expect(await sql("select pgmq.delete($1, 4) as done", [queue])).toEqual([{ done: true }]);
    expect(await sql("select * from pgmq.delete($1, array[5, 99]) id", [queue])).toEqual([{ id: 5 }]);
    expect(await sql("select message from pgmq.pop($1)", [queue])).toEqual([{ message: "6" }]);
    expect(await sql("select pgmq.purge_queue($1) as gone", [queue])).toEqual([{ gone: 1 }]);
    const archive = await sql(`select msg_id, message from pgmq.a_${queue} order by 1`);
    expect(archive).toEqual([
      { msg_id: 1, message: "1" },
      { msg_id: 2, message: "2" },
      { msg_id: 3, message: "3" },
    ]);
  });

  it("measures a queue", async () => {
    const queue = await newQueue();
    await sql(`select pgmq.send_batch($1, array['1','2','3']::jsonb[])`, [queue]);
    await read(queue, 30, 1);
    const [metrics] = await sql<Record<string, unknown>>(
      "select queue_name, queue_length, queue_visible_length, total_messages, oldest_msg_age_sec from pgmq.metrics($1)",
      [queue],
    );
    expect(metrics).toEqual({
      queue_name: queue,
      queue_length: 3,
      queue_visible_length: 2,
      total_messages: 3,
      oldest_msg_age_sec: 0,
    });
    const all = await sql<{ readonly name: string }>("select queue_name as name from pgmq.metrics_all()");
    expect(all.map(({ name }) => name)).toContain(queue);
  });

  it("makes a queue once, whoever asks and how often, and drops it", async () => {
    await Promise.all(Array.from({ length: 6 }, () => database.query("test_create", "select pgmq.create('shared')")));
    const rows = await sql("select is_partitioned, is_unlogged from pgmq.list_queues() where queue_name = 'shared'");
    expect(rows).toEqual([{ is_partitioned: false, is_unlogged: false }]);
    expect(await sql("select pgmq.drop_queue('shared') as dropped")).toEqual([{ dropped: true }]);
    expect(await sql("select pgmq.drop_queue('shared') as dropped_again")).toEqual([{ dropped_again: false }]);
  });

  it.each(["a;b", "a--b", "a'b", "a$b", "x".repeat(48)])("refuses the name %j", async (name) => {
    await expect(sql("select pgmq.create($1)", [name])).rejects.toThrow(/queue name/);
  });

  it("polls until its time is over", async () => {
    const queue = await newQueue();
    expect(await sql("select * from pgmq.read_with_poll($1, 30, 1, 0, 10)", [queue])).toEqual([]);
    await sql("select pgmq.send($1, '1'::jsonb)", [queue]);
    expect(await sql("select message from pgmq.read_with_poll($1, 30, 1, 5, 10)", [queue])).toEqual([{ message: "1" }]);
  });

  it("tells the depth of step queues in one round trip, and leaves out what is no queue", async () => {
    await register(database, "single", SINGLE);
    await createOne(database, "single");
    await createOne(database, "single");
    expect(await queueDepths(database, ["math", "nowhere"])).toEqual(new Map([["math", 2]]));
  });
});
