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
  return steps.flatMap(({ name }, step): GraphProblem[] => {
    const first = steps.findIndex((other) => other.name === name);
    return first < step ? [{ kind: "duplicate-step", step, name, first }] : [];
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
 * Takes away steps whose dependencies are gone until nothing goes any more; what is left holds every cycle. Following any
 * dependency within it must come back. No recursion: a chain may be as long as the file allows.
 */
function findCycle(steps: readonly GraphStep[]): GraphProblem | undefined {
  const left = new Map(steps.map((step) => [step.name, step]));
  for (let before = -1; before !== left.size;) {
    before = left.size;
    for (const { name, dependencies } of left.values()) {
      if (!dependencies.some((dependency) => left.has(dependency))) left.delete(name);
    }
  }
  let name = left.keys().next().value;
  if (name === undefined) return undefined;
  const walked: string[] = [];
  while (!walked.includes(name)) {
    walked.push(name);
    name = left.get(name)?.dependencies.find((dependency) => left.has(dependency)) ?? name;
  }
  const names = [...walked.slice(walked.indexOf(name)), name];
  const step = steps.findIndex((other) => other.name === name);
  const dependency = steps[step]?.dependencies.indexOf(names[1] ?? name) ?? 0;
  return { kind: "cycle", step, dependency, names };
}
