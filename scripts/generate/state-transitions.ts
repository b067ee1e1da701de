import { STEP_TRANSITIONS } from "../../src/host/domain/step-states.ts";
import { TASK_TRANSITIONS } from "../../src/host/domain/task-states.ts";
import type { GeneratedDocument } from "./document.ts";

export const stateTransitionsFunction: GeneratedDocument = {
  path: "migrations/functions/tasker_host/state_transitions.sql",
  text: () => `-- Every transition that a task or a step may make: what chains of transition rows are checked against.
-- Generated from src/host/domain/task-states.ts and step-states.ts by \`npm run generate\`.
create or replace function tasker_host.state_transitions()
returns table (machine text, from_state text, event text, to_state text)
language sql immutable parallel safe as $$
  values
${[...rows("task", TASK_TRANSITIONS), ...rows("step", STEP_TRANSITIONS)].map((row) => `    ${row}`).join(",\n")}
$$;
`,
};

function rows(machine: string, transitions: Readonly<Record<string, Readonly<Record<string, string>>>>): string[] {
  return Object.entries(transitions).flatMap(([from, events]) =>
    Object.entries(events).map(([event, to]) => `('${machine}', '${from}', '${event}', '${to}')`),
  );
}
