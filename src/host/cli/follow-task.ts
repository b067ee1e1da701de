import type { ApiClient } from "./api-client.ts";
import type { CliContext } from "./cli-context.ts";
import { elapsed, ranMs, taskView, type TaskSnapshot } from "./dag-view.ts";
import { EXIT_CODES } from "./exit-codes.ts";
import { failureLines } from "./failure-lines.ts";
import { formatDuration } from "./format.ts";
import { LiveScreen } from "./live-screen.ts";
import { isTerminal, paintFor } from "./paint.ts";
import { truncate } from "./printable.ts";
import { attemptOf, durationOf, previewOf } from "./step-line.ts";
import { stepChanges } from "./step-changes.ts";
import { exitCodeOfTask, hasEnded, statusWords } from "./task-end.ts";
import { watchTask } from "./watch-task.ts";

/** How often the terminal is drawn anew while nothing comes in: spinner and clocks move on. */
const FRAME_MS = 80;
/** Columns of a result in a piped line: enough to know it by; `task show --json` has all of it. */
const PIPED_PREVIEW = 400;

/**
 * Shows a task until it has ended, and sets the exit code by how it did: a live drawing in a terminal, a line for each
 * state change where output is piped, with `json` a JSON object for each.
 */
export async function followTask(
  taskUuid: string,
  options: { readonly api: ApiClient; readonly json: boolean },
  context: CliContext,
): Promise<void> {
  const snapshots = watchTask(taskUuid, { api: options.api, clock: context.clock, interrupted: context.interrupted });
  const show = options.json ? showJson : isTerminal(context.stdout, context.env) ? showLive : showLines;
  const last = await show(snapshots, context);
  if (last !== undefined && hasEnded(last.task)) {
    context.setExitCode(exitCodeOfTask(last.task));
    return;
  }
  context.setExitCode(EXIT_CODES.interrupted);
  context.stderr.write(`The task goes on. Follow it again: tasker-host task show ${taskUuid} --follow\n`);
}

type Snapshots = AsyncIterable<TaskSnapshot | undefined>;

async function showJson(snapshots: Snapshots, { stdout }: CliContext): Promise<TaskSnapshot | undefined> {
  let last: TaskSnapshot | undefined;
  for await (const snapshot of snapshots) {
    if (snapshot === undefined) continue;
    for (const { step, from } of stepChanges(last, snapshot)) {
      stdout.write(`${JSON.stringify({ event: "step", from: from ?? null, step })}\n`);
    }
    last = snapshot;
  }
  if (last !== undefined && hasEnded(last.task)) {
    stdout.write(`${JSON.stringify({ event: "ended", exit_code: exitCodeOfTask(last.task), ...last })}\n`);
  }
  return last;
}

async function showLines(snapshots: Snapshots, context: CliContext): Promise<TaskSnapshot | undefined> {
  const { stdout, stderr, clock } = context;
  const startedMs = clock.monotonicMs();
  let lastMs = 0;
  let last: TaskSnapshot | undefined;
  for await (const snapshot of snapshots) {
    if (snapshot === undefined) {
      stderr.write("the API does not answer, asking again\n");
      continue;
    }
    // A look comes later than what it sees: nothing happened after the task's own end.
    const atMs = Math.min(clock.monotonicMs() - startedMs, ranMs(snapshot.task) ?? Number.POSITIVE_INFINITY);
    lastMs = Math.max(lastMs, atMs);
    const at = `+${formatDuration(lastMs)}`.padEnd(9);
    for (const { step, from } of stepChanges(last, snapshot)) {
      if (from === undefined && step.current_state === "pending") continue;
      const attempt = attemptOf(step) === "" ? "" : `attempt ${attemptOf(step)}`;
      const states = from === undefined ? step.current_state : `${from} → ${step.current_state}`;
      const cells = [
        at,
        step.name,
        states,
        attempt,
        durationOf(step, clock.now()),
        truncate(previewOf(step), PIPED_PREVIEW),
      ];
      stdout.write(`${cells.filter((cell) => cell !== "").join("  ")}\n`);
    }
    last = snapshot;
  }
  if (last !== undefined && hasEnded(last.task)) {
    stdout.write(`task ${statusWords(last.task)} in ${elapsed(last.task, clock.now())}\n`);
    for (const line of failureLines(last, paintFor(stdout, context.env))) stdout.write(`${line}\n`);
  }
  return last;
}

async function showLive(snapshots: Snapshots, context: CliContext): Promise<TaskSnapshot | undefined> {
  const { stdout, env, clock } = context;
  const paint = paintFor(stdout, env);
  const ended = new AbortController();
  let last: TaskSnapshot | undefined;
  let away = false;
  using screen = new LiveScreen(stdout);
  const draw = (height: number): void => {
    if (last === undefined) return;
    const view = taskView(last, { width: screen.width, height: height - 2, nowMs: clock.now(), paint });
    screen.draw(["", ...view, away ? paint("yellow", "   the API does not answer, asking again") : ""]);
  };
  const animate = async (): Promise<void> => {
    while (!ended.signal.aborted) {
      await clock.wait(FRAME_MS, ended.signal);
      if (!ended.signal.aborted) draw(screen.height);
    }
  };
  const animation = animate();
  try {
    for await (const snapshot of snapshots) {
      away = snapshot === undefined;
      last = snapshot ?? last;
      draw(screen.height);
    }
  } finally {
    ended.abort();
    await animation;
  }
  if (last !== undefined && hasEnded(last.task)) {
    // Nothing is redrawn any more: what did not fit may scroll now.
    draw(Number.POSITIVE_INFINITY);
    for (const line of failureLines(last, paint)) stdout.write(`${line}\n`);
  }
  return last;
}
