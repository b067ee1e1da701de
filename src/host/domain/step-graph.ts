import { nearestName } from "./nearest-name.ts";

/** A step as the graph sees it. */
export interface GraphStep {
  readonly name: string;
  readonly dependencies: readonly string[];
}

/** What keeps steps from being a graph that can be run to its end. Indexes count steps and dependencies as listed. */
export type GraphProblem =
  | { readonly kind: "duplicate-step"; readonly step: number; readonly name: string; readonly first: number }
  | { readonly kind: "repeated-dependency"; readonly step: number; readonly dependency: number; readonly name: string }
  | {
      readonly kind: "unknown-dependency";
      readonly step: number;
      readonly dependency: number;
      readonly name: string;
      readonly nearest: string | undefined;
    }
  /** `names` goes round: its first is its last. */
  | { readonly kind: "cycle"; readonly step: number; readonly dependency: number; readonly names: readonly string[] };

/** Every duplicate, unknown and repeated dependency; one cycle, where there is any and the names are sound. */
export function graphProblems(steps: readonly GraphStep[]): readonly GraphProblem[] {
  const names = [...duplicateSteps(steps), ...wrongDependencies(steps)];
  if (names.length > 0) return names;
  const cycle = findCycle(steps);
  return cycle === undefined ? [] : [cycle];
}

function duplicateSteps(steps: readonly GraphStep[]): GraphProblem[] {
  const seen = new Map<string, number>();
  return steps.flatMap(({ name }, step): GraphProblem[] => {
    const first = seen.get(name);
    if (first === undefined) seen.set(name, step);
    return first === undefined ? [] : [{ kind: "duplicate-step", step, name, first }];
  });
}

function wrongDependencies(steps: readonly GraphStep[]): GraphProblem[] {
  const known = new Set(steps.map(({ name }) => name));
  return steps.flatMap(({ name: own, dependencies }, step) =>
    dependencies.flatMap((name, dependency): GraphProblem[] => {
      if (!known.has(name)) {
        const others = [...known].filter((other) => other !== own);
        return [{ kind: "unknown-dependency", step, dependency, name, nearest: nearestName(name, others) }];
      }
      const repeated = dependencies.indexOf(name) < dependency;
      return repeated ? [{ kind: "repeated-dependency", step, dependency, name }] : [];
    }),
  );
}

/**
 * What is left without the steps that can be run holds every cycle, and each step in it waits for another in it: following
 * such dependencies must come back. No recursion: a chain may be as long as the file allows.
 */
function findCycle(steps: readonly GraphStep[]): GraphProblem | undefined {
  const stuck = stuckSteps(steps);
  let name = stuck.keys().next().value;
  if (name === undefined) return undefined;
  const walked = new Set<string>();
  while (!walked.has(name)) {
    walked.add(name);
    name = stuck.get(name)?.dependencies.find((dependency) => stuck.has(dependency)) ?? name;
  }
  const path = [...walked];
  const names = [...path.slice(path.indexOf(name)), name];
  const step = steps.findIndex((other) => other.name === name);
  const dependency = steps[step]?.dependencies.indexOf(names[1] ?? name) ?? 0;
  return { kind: "cycle", step, dependency, names };
}

/** The steps that never become ready, by name. */
function stuckSteps(steps: readonly GraphStep[]): ReadonlyMap<string, GraphStep> {
  const stuck = new Map(steps.map((step) => [step.name, step]));
  const waitingFor = new Map(steps.map(({ name, dependencies }) => [name, dependencies.length]));
  const children = Map.groupBy(
    steps.flatMap(({ name, dependencies }) => dependencies.map((dependency) => ({ dependency, name }))),
    ({ dependency }) => dependency,
  );
  const ready = steps.filter(({ dependencies }) => dependencies.length === 0).map(({ name }) => name);
  for (const done of ready) {
    stuck.delete(done);
    for (const { name } of children.get(done) ?? []) {
      const left = (waitingFor.get(name) ?? 0) - 1;
      waitingFor.set(name, left);
      if (left === 0) ready.push(name);
    }
  }
  return stuck;
}
