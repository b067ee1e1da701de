/** A step as a graph sees it. */
export interface DagStep {
  readonly name: string;
  readonly dependsOn: readonly string[];
}

/**
 * Steps after those they depend on, each branch to its end before the next one begins; ties keep the given order.
 * Dependencies that are implied by others are left out: what remains is what a drawing needs. Unknown ones are ignored.
 */
export function orderDag(steps: readonly DagStep[]): readonly DagStep[] {
  const known = new Set(steps.map(({ name }) => name));
  const waiting = new Map(
    steps.map(({ name, dependsOn }) => [name, new Set(dependsOn.filter((parent) => known.has(parent)))]),
  );
  const ancestors = new Map<string, Set<string>>();
  const ordered: DagStep[] = [];
  const ready = steps.filter(({ name }) => waiting.get(name)?.size === 0);
  for (let step = ready.shift(); step !== undefined; step = ready.shift()) {
    const { name } = step;
    const parents = [...new Set(step.dependsOn)].filter((parent) => known.has(parent));
    const direct = parents.filter((parent) => !parents.some((other) => ancestors.get(other)?.has(parent)));
    ancestors.set(name, new Set(parents.flatMap((parent) => [parent, ...(ancestors.get(parent) ?? [])])));
    ordered.push({ name, dependsOn: direct });
    const freed = steps.filter((other) => waiting.get(other.name)?.delete(name) && waiting.get(other.name)?.size === 0);
    ready.unshift(...freed);
  }
  return ordered;
}
