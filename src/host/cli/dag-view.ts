import type { StepAnswer, TaskAnswer } from "./api-answers.ts";
import { drawDag, type GraphRow } from "./dag-graph.ts";
import { orderDag } from "./dag-order.ts";
import { formatDuration } from "./format.ts";
import type { Paint } from "./paint.ts";
import { displayWidth, padTo, printable, truncate } from "./printable.ts";
import { attemptOf, durationOf, lookOf, previewOf, spinnerAt } from "./step-line.ts";
import { exitCodeOfTask, hasEnded, statusWords } from "./task-end.ts";

/** A task and its steps at one moment. */
export interface TaskSnapshot {
  readonly task: TaskAnswer;
  readonly steps: readonly StepAnswer[];
}

export interface ViewOptions {
  /** Columns of the terminal. */
  readonly width: number;
  /** Rows that the view may fill; the steps that are finished give way first. */
  readonly height: number;
  readonly nowMs: number;
  readonly paint: Paint;
}

const MAX_NAME_WIDTH = 40;

/** The task as a drawing of its DAG: one line a step with state, attempt, duration, and result or error. */
export function taskView(snapshot: TaskSnapshot, options: ViewOptions): readonly string[] {
  const header = headerLines(snapshot, options);
  const rows = stepLines(snapshot, options);
  return [...header, "", ...fit(rows, options.height - header.length - 1, options.paint)];
}

function headerLines({ task, steps }: TaskSnapshot, { width, nowMs, paint }: ViewOptions): string[] {
  const name = printable(`${task.namespace}/${task.name}`);
  const rest = truncate(`  ${printable(task.version)}  ${task.task_uuid}`, width - displayWidth(name) - 1);
  const title = ` ${paint("bold", truncate(name, width - 1))}${paint("dim", rest)}`;
  const seconds = elapsed(task, nowMs);
  if (hasEnded(task)) {
    const good = exitCodeOfTask(task) === 0;
    const line = `${good ? "✔" : "✘"} ${statusWords(task)} in ${seconds}`;
    return [title, ` ${paint(good ? "green" : "red", truncate(line, width - 1))}`];
  }
  const done = steps.filter(({ current_state: state }) => state === "complete" || state === "resolved_manually").length;
  const line = truncate(`${spinnerAt(nowMs)} ${seconds}  ${done} of ${steps.length} steps done`, width - 1);
  return [title, ` ${paint("blue", line)}`];
}

/** From submission to the end, or to now. */
export function elapsed(task: TaskAnswer, nowMs: number): string {
  return formatDuration(ranMs(task) ?? Math.max(0, nowMs - Date.parse(task.created_at)));
}

/** From submission to the end, by the database's clock; undefined for a task that has not ended. */
export function ranMs(task: TaskAnswer): number | undefined {
  if (!hasEnded(task)) return undefined;
  return Math.max(0, Date.parse(task.completed_at ?? task.updated_at) - Date.parse(task.created_at));
}

interface Line {
  readonly text: string;
  /** True for a step that is not over: such lines stay in sight. */
  readonly open: boolean;
}

/** One row of the table: what stands beside the graph. */
interface Cells {
  readonly graph: GraphRow;
  readonly step: StepAnswer | undefined;
  readonly name: string;
  readonly word: string;
  readonly attempt: string;
  readonly duration: string;
}

function stepLines({ steps }: TaskSnapshot, options: ViewOptions): readonly Line[] {
  const byName = new Map(steps.map((step) => [step.name, step]));
  const graph = drawDag(orderDag(steps.map(({ name, depends_on: dependsOn }) => ({ name, dependsOn }))));
  const table = graph.map((row) => cellsOf(row, byName.get(row.step ?? ""), options.nowMs));
  const widths = {
    graph: Math.max(0, ...graph.map((row) => displayWidth(row.before + row.after) + (row.step === undefined ? 0 : 1))),
    name: Math.max(0, ...table.map(({ name }) => displayWidth(name))),
    word: Math.max(0, ...table.map(({ word }) => displayWidth(word))),
    attempt: Math.max(0, ...table.map(({ attempt }) => attempt.length)),
    duration: Math.max(0, ...table.map(({ duration }) => duration.length)),
  };
  return table.map((cells) => renderLine(cells, widths, options));
}

function cellsOf(graph: GraphRow, step: StepAnswer | undefined, nowMs: number): Cells {
  if (step === undefined) return { graph, step, name: "", word: "", attempt: "", duration: "" };
  return {
    graph,
    step,
    name: truncate(printable(step.name), MAX_NAME_WIDTH),
    word: lookOf(step, nowMs).word,
    attempt: attemptOf(step),
    duration: durationOf(step, nowMs),
  };
}

type Widths = Readonly<Record<"graph" | "name" | "word" | "attempt" | "duration", number>>;

function renderLine(cells: Cells, widths: Widths, { width, nowMs, paint }: ViewOptions): Line {
  const { graph, step } = cells;
  if (step === undefined) return { text: `   ${paint("dim", graph.before)}`, open: false };
  const look = lookOf(step, nowMs);
  const graphRest = padTo(graph.after, widths.graph - displayWidth(graph.before) - 1);
  const columns = [
    padTo(cells.name, widths.name),
    paint(look.style, padTo(cells.word, widths.word)),
    ...(widths.attempt > 0 ? [paint("yellow", cells.attempt.padEnd(widths.attempt))] : []),
    ...(widths.duration > 0 ? [paint("dim", cells.duration.padStart(widths.duration))] : []),
  ];
  const used =
    3 +
    widths.graph +
    [widths.name, widths.word, widths.attempt, widths.duration].reduce((a, b) => a + (b && b + 2), 0);
  const preview = truncate(previewOf(step), Math.max(0, width - used - 3));
  const painted = paint(step.results?.error ? "red" : "gray", preview);
  const node = paint("dim", graph.before) + paint(look.style, look.node) + paint("dim", graphRest);
  const text = `   ${node}  ${columns.join("  ")}  ${painted}`.trimEnd();
  return { text, open: !["complete", "resolved_manually", "cancelled"].includes(step.current_state) };
}

/** The part of the lines that fits, from shortly before the first step that is not over. */
function fit(lines: readonly Line[], height: number, paint: Paint): readonly string[] {
  if (lines.length <= height) return lines.map(({ text }) => text);
  const room = Math.max(1, height - 2);
  const firstOpen = lines.findIndex(({ open }) => open);
  const wanted = firstOpen === -1 ? lines.length - room : firstOpen - 1;
  const start = Math.min(Math.max(0, wanted), lines.length - room);
  const below = lines.length - start - room;
  return [
    paint("dim", `   ⋮ ${start} more above`),
    ...lines.slice(start, start + room).map(({ text }) => text),
    paint("dim", `   ⋮ ${below} more below`),
  ];
}
