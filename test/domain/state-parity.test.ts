import { Client } from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { STEP_STATES, STEP_TRANSITIONS } from "../../src/host/domain/step-states.ts";
import { TASK_STATES, TASK_TRANSITIONS } from "../../src/host/domain/task-states.ts";
import { type TestDatabase, testDatabase } from "../support/database.ts";

type Transitions = Readonly<Record<string, Readonly<Record<string, string>>>>;

let database: TestDatabase;
let client: Client;
beforeAll(async () => {
  database = await testDatabase();
  client = new Client({ connectionString: database.url });
  await client.connect();
});
afterAll(async () => {
  await client.end();
  await database.close();
});

async function column(statement: string, values: readonly unknown[]): Promise<readonly string[]> {
  const { rows } = await client.query<{ value: string }>(statement, [...values]);
  return rows.map(({ value }) => value);
}

/** The literals of each state check on `table`. */
async function checkedStates(table: string): Promise<readonly (readonly string[])[]> {
  const checks = await column(
    `select pg_get_constraintdef(oid) as value from pg_constraint
     where conrelid = $1::regclass and contype = 'c' and pg_get_constraintdef(oid) like '%_state%' order by conname`,
    [table],
  );
  return checks.map((check) => Array.from(check.matchAll(/'(\w+)'/g), ([, state = ""]) => state));
}

function arrows(transitions: Transitions): readonly string[] {
  return Object.entries(transitions).flatMap(([from, events]) =>
    Object.entries(events).map(([event, to]) => `${from} ${event} ${to}`),
  );
}

describe("the state machines in the database", () => {
  it.each([
    ["tasker.task_transitions", TASK_STATES],
    ["tasker.workflow_step_transitions", STEP_STATES],
  ])("%s admits the states of TypeScript and no others, coming and going", async (table, states) => {
    const checks = await checkedStates(table);
    expect(checks).toHaveLength(2);
    for (const checked of checks) expect(new Set(checked)).toEqual(new Set(states));
  });

  it.each([
    ["task", TASK_TRANSITIONS],
    ["step", STEP_TRANSITIONS],
  ])("the transitions of a %s are those of TypeScript", async (machine, transitions) => {
    const found = await column(
      `select concat_ws(' ', from_state, event, to_state) as value from tasker_host.state_transitions() where machine = $1`,
      [machine],
    );
    expect([...found].sort()).toEqual([...arrows(transitions)].sort());
  });

  it.each([
    ["move_tasks", TASK_TRANSITIONS],
    ["move_steps", STEP_TRANSITIONS],
  ])("every path that a function gives to %s follows the table", async (mover, transitions: Transitions) => {
    const bodies = await column(
      `select p.prosrc as value from pg_proc p join pg_namespace n on n.oid = p.pronamespace where n.nspname = 'tasker_host'`,
      [],
    );
    const paths = bodies.flatMap((body) => pathsGivenTo(mover, body));
    expect(paths.length).toBeGreaterThan(1);
    const illegal = paths.filter(({ states, events }) => !isPath(transitions, states, events));
    expect(illegal).toEqual([]);
  });
});

interface Path {
  readonly states: readonly string[];
  readonly events: readonly string[];
}

/** The literal arrays in calls `mover(…, array[states], array[events]…)`. */
function pathsGivenTo(mover: string, body: string): readonly Path[] {
  const calls = body.matchAll(new RegExp(`${mover}\\([^;]*?array\\[([^\\]]*)\\],\\s*array\\[([^\\]]*)\\]`, "g"));
  return Array.from(calls, ([, states = "", events = ""]) => ({
    states: literals(states),
    events: literals(events).map((event) => /"type":"(\w+)"/.exec(event)?.[1] ?? event),
  }));
}

function literals(list: string): readonly string[] {
  return Array.from(list.matchAll(/'([^']*)'/g), ([, literal = ""]) => literal);
}

function isPath(transitions: Transitions, states: readonly string[], events: readonly string[]): boolean {
  const steps = events.map((event, index) => transitions[states[index] ?? ""]?.[event] === states[index + 1]);
  return events.length === states.length - 1 && steps.every(Boolean);
}
