import type { StepAnswer } from "./api-answers.ts";
import { formatDuration } from "./format.ts";
import type { Style } from "./paint.ts";
import { printable } from "./printable.ts";

/** How a step of some state looks: a node, its colour, and a word. */
interface Look {
  readonly node: string;
  readonly style: Style;
  readonly word: string;
}

const SPINNER = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"] as const;

/** The frame of the spinner at a time; one every 80 ms. */
export function spinnerAt(nowMs: number): string {
  return SPINNER[Math.floor(nowMs / 80) % SPINNER.length] ?? SPINNER[0];
}

/** The look of a step's state. States that a newer API may add look like a wait. */
export function lookOf(step: StepAnswer, nowMs: number): Look {
  switch (step.current_state) {
    case "complete":
      return { node: "✔", style: "green", word: "complete" };
    case "resolved_manually":
      return { node: "✔", style: "cyan", word: "resolved manually" };
    case "in_progress":
      return { node: spinnerAt(nowMs), style: "blue", word: "running" };
    case "enqueued_for_orchestration":
    case "enqueued_as_error_for_orchestration":
      return { node: spinnerAt(nowMs), style: "blue", word: "reporting" };
    case "enqueued":
      return { node: "◌", style: "blue", word: "queued" };
    case "waiting_for_retry":
      return { node: "↻", style: "yellow", word: `retry${waitOf(step.next_retry_at, nowMs)}` };
    case "error":
      return { node: "✘", style: "red", word: "failed" };
    case "cancelled":
      return { node: "⊘", style: "gray", word: "cancelled" };
    case "pending":
      return { node: "○", style: "gray", word: "waiting" };
    default:
      return { node: "○", style: "gray", word: printable(step.current_state) };
  }
}

function waitOf(nextRetryAt: string | null | undefined, nowMs: number): string {
  const leftMs = Date.parse(nextRetryAt ?? "") - nowMs;
  return leftMs > 0 ? ` in ${Math.ceil(leftMs / 1_000)} s` : " now";
}

/** `2/3` from the second attempt on; a first attempt goes without saying. */
export function attemptOf(step: StepAnswer): string {
  return step.attempts > 1 ? `${step.attempts}/${step.max_attempts}` : "";
}

/** How long the last attempt ran, by the worker's own measure; how long it has been running where it still does. */
export function durationOf(step: StepAnswer, nowMs: number): string {
  if (step.current_state === "in_progress") {
    const startedMs = Date.parse(step.last_attempted_at ?? "");
    // Clocks of two machines differ: never less than nothing.
    return Number.isNaN(startedMs) ? "" : formatDuration(Math.max(0, nowMs - startedMs));
  }
  const measured = step.results?.metadata?.execution_time_ms;
  return typeof measured === "number" ? formatDuration(measured) : "";
}

/** The result as compact JSON, or what went wrong; numbers as they are spelled. One line, safe for a terminal. */
export function previewOf(step: StepAnswer): string {
  const { results } = step;
  if (results === null || results === undefined) return "";
  if (results.error) return printable(results.error.message);
  return results.success === false ? "" : printable(JSON.stringify(results.result) ?? "");
}
