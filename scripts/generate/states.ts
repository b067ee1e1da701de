import { FINAL_STEP_STATES, SATISFYING_STEP_STATES, STEP_TRANSITIONS } from "../../src/host/domain/step-states.ts";
import { TASK_TRANSITIONS } from "../../src/host/domain/task-states.ts";
import { generatedFrom, type GeneratedDocument, markdownTable } from "./document.ts";

type Transitions = Readonly<Record<string, Readonly<Record<string, string>>>>;

/** Events that operators cause, nearly everywhere; drawn they would hide the rest. */
const BY_HAND = ["Cancel", "CompleteManually", "ResolveManually"];

export const statesDocument: GeneratedDocument = {
  path: "docs/states.md",
  text: () => `# States

${generatedFrom("`src/host/domain/task-states.ts` and `step-states.ts`")}

Tasks and steps are state machines, the same as tasker-core's. A state is the \`most_recent\` row of \`tasker.task_transitions\` or
\`tasker.workflow_step_transitions\`; a step without a row is \`pending\`. Every change is a compare-and-swap on that row, inside
the SQL functions of \`migrations/functions/\`; a row that is not there any more means that somebody else was faster.

## Tasks

${diagram("pending", TASK_TRANSITIONS)}

Not drawn: ${byHand(TASK_TRANSITIONS)}

${table(TASK_TRANSITIONS)}

A task whose steps wait for a retry is \`waiting_for_dependencies\`; one whose step failed for good stays \`blocked_by_failures\`
until somebody resolves it.

## Steps

${diagram("pending", STEP_TRANSITIONS)}

Not drawn: ${byHand(STEP_TRANSITIONS)}

${table(STEP_TRANSITIONS)}

Final are ${list(FINAL_STEP_STATES)}; \`error\` is not, a reset brings it back. A step may start when each step before it is
${list(SATISFYING_STEP_STATES, " or ")}.

Workers write the transitions from \`enqueued\` to \`in_progress\` and from there to the two \`enqueued_…_for_orchestration\`;
all others are the orchestrator's. With embedded orchestration both happen in the transaction that records the result.
`,
};

function diagram(start: string, transitions: Transitions): string {
  const arrows = Object.entries(transitions).flatMap(([from, events]) => {
    const byTarget = Map.groupBy(
      Object.entries(events).filter(([event]) => !BY_HAND.includes(event)),
      ([, to]) => to,
    );
    return [...byTarget].map(([to, grouped]) => `  ${from} --> ${to}: ${grouped.map(([event]) => event).join(", ")}`);
  });
  const ends = Object.keys(transitions).filter((state) => isEnd(transitions, state));
  const final = ends.map((state) => `  ${state} --> [*]`);
  return ["```mermaid", "stateDiagram-v2", `  [*] --> ${start}`, ...arrows, ...final, "```"].join("\n");
}

/** Nothing leads on but an operator's hand. */
function isEnd(transitions: Transitions, state: string): boolean {
  return Object.keys(transitions[state] ?? {}).every((event) => BY_HAND.includes(event));
}

function byHand(transitions: Transitions): string {
  const events = BY_HAND.filter((event) => Object.values(transitions).some((row) => event in row));
  const sentences = events.map((event) => {
    const from = Object.keys(transitions).filter((state) => event in (transitions[state] ?? {}));
    const others = Object.keys(transitions).filter((state) => !from.includes(state));
    const to = transitions[from[0] ?? ""]?.[event] ?? "";
    const where = others.length === 0 ? "any state" : `any state but ${list(others)}`;
    return `\`${event}\` leads from ${where} to \`${to}\``;
  });
  return `${sentences.join("; ")}.`;
}

function table(transitions: Transitions): string {
  const rows = Object.entries(transitions).flatMap(([from, events]) =>
    Object.entries(events).map(([event, to]) => [`\`${from}\``, `\`${event}\``, `\`${to}\``]),
  );
  return markdownTable(["from", "event", "to"], rows);
}

function list(names: Iterable<string>, lastJoint = " and "): string {
  const quoted = [...names].map((name) => `\`${name}\``);
  return quoted.length < 2 ? quoted.join("") : `${quoted.slice(0, -1).join(", ")}${lastJoint}${quoted.at(-1)}`;
}
