import type { DagStep } from "./dag-order.ts";

/**
 * A DAG as lines of text, like `git log --graph` from the top down: a lane for each dependency that is still open, a
 * node where a step stands, a line between where lanes fork or join.
 *
 *     ●      start
 *     ├─╮
 *     ● │    left
 *     │ ●    right
 *     ├─╯
 *     ●      end
 */
export interface GraphRow {
  /** Name of the step whose node is in this row; undefined for a row of lines only. */
  readonly step: string | undefined;
  /** What stands before and after the node; a row of lines has all of it before. */
  readonly before: string;
  readonly after: string;
}

/** Wider graphs are tangles: the steps are then listed without lines. */
const MAX_LANES = 16;

/** `steps` as `orderDag` gives them. */
export function drawDag(steps: readonly DagStep[]): readonly GraphRow[] {
  const connected = steps.some(({ dependsOn }) => dependsOn.length > 0);
  const rows = connected ? new Drawing(steps).rows() : undefined;
  return rows ?? steps.map(({ name }) => ({ step: name, before: "", after: "" }));
}

class Drawing {
  readonly #steps: readonly DagStep[];
  readonly #children: ReadonlyMap<string, readonly string[]>;
  /** The step that each lane leads to; undefined for a free lane. */
  readonly #lanes: (string | undefined)[] = [];
  readonly #rows: GraphRow[] = [];
  /** The lane of the step above, where that has no children: a root below it would look like its child. */
  #leafLane: number | undefined;

  constructor(steps: readonly DagStep[]) {
    this.#steps = steps;
    this.#children = new Map(
      steps.map(({ name }) => [
        name,
        steps.filter(({ dependsOn }) => dependsOn.includes(name)).map((child) => child.name),
      ]),
    );
  }

  rows(): readonly GraphRow[] | undefined {
    for (const { name } of this.#steps) {
      this.#place(name);
      if (this.#lanes.length > MAX_LANES) return undefined;
    }
    return this.#rows;
  }

  #place(name: string): void {
    const arriving = this.#lanes.flatMap((target, lane) => (target === name ? [lane] : []));
    const column = arriving[0] ?? this.#freeLane(this.#leafLane);
    if (arriving.length > 1) {
      this.#rows.push(this.#lines(column, arriving.slice(1), "joining"));
      for (const lane of arriving) this.#lanes[lane] = undefined;
    }
    this.#lanes[column] = name;
    this.#rows.push(this.#node(name, column));
    const [first, ...others] = this.#children.get(name) ?? [];
    this.#lanes[column] = first;
    this.#leafLane = first === undefined ? column : undefined;
    if (others.length === 0) return;
    const forks = others.map((child) => {
      const lane = this.#freeLane();
      this.#lanes[lane] = child;
      return lane;
    });
    this.#rows.push(this.#lines(column, forks, "forking"));
  }

  #freeLane(but?: number): number {
    const free = this.#lanes.findIndex((target, lane) => target === undefined && lane !== but);
    if (free !== -1) return free;
    return this.#lanes.push(undefined) - 1;
  }

  #node(name: string, column: number): GraphRow {
    const cells = this.#lanes.map((target) => (target === undefined ? " " : "│"));
    const before = cells.slice(0, column).map((cell) => `${cell} `);
    const after = cells.slice(column + 1).map((cell) => ` ${cell}`);
    return { step: name, before: before.join(""), after: after.join("").trimEnd() };
  }

  /** Lanes that part from `column`, or come together in it; others pass through. */
  #lines(column: number, ends: readonly number[], kind: "forking" | "joining"): GraphRow {
    const from = Math.min(column, ...ends);
    const to = Math.max(column, ...ends);
    const cells = this.#lanes.map((target, lane) => {
      const inside = lane >= from && lane <= to;
      const end = ends.includes(lane);
      const upAndDown = lane === column || (target !== undefined && !end);
      return BOX[
        (upAndDown || (end && kind === "joining") ? UP : 0) |
          (upAndDown || (end && kind === "forking") ? DOWN : 0) |
          (inside && lane > from ? LEFT : 0) |
          (inside && lane < to ? RIGHT : 0)
      ];
    });
    const gaps = cells.map((cell, lane) => (cell ?? " ") + (lane >= from && lane < to ? "─" : " "));
    return { step: undefined, before: gaps.join("").trimEnd(), after: "" };
  }
}

const [UP, DOWN, LEFT, RIGHT] = [1, 2, 4, 8];

/** By the directions that a cell connects. */
const BOX = [" ", "│", "│", "│", "─", "╯", "╮", "┤", "─", "╰", "╭", "├", "─", "┴", "┬", "┼"];
