import { type ErrorCode, TaskerError } from "../../core/errors/index.ts";
import { jsonTextOf } from "./json-text.ts";
import type { YamlPath } from "./yaml-document.ts";

/** Something in a template that keeps it from being registered. */
export interface TemplateProblem {
  readonly code: ErrorCode;
  readonly line: number;
  readonly column: number;
  /** Dotted path of the key: `steps[2].handler.callable`. */
  readonly key: string;
  readonly found: string;
  readonly accepted: string;
}

/** @throws TSK_TEMPLATE_… where there is a problem. */
export function refuseTemplate(path: string, problems: readonly TemplateProblem[]): void {
  if (problems.length > 0) throw templateError(path, problems);
}

/** One error for all problems: with their code, or TSK_TEMPLATE_INVALID where they differ. */
export function templateError(path: string, problems: readonly TemplateProblem[]): TaskerError {
  const attempted = `Cannot load template "${path}"`;
  const details = { path, problems };
  const [first, ...others] = problems;
  if (first !== undefined && others.length === 0) {
    const found = `${placeOf(first)} ${first.found}`;
    return new TaskerError(first.code, { attempted, found, accepted: first.accepted, details });
  }
  const oneKind = first !== undefined && others.every(({ code }) => code === first.code);
  const lines = problems.map((problem) => `\n  ${placeOf(problem)} ${problem.found} (accepted: ${problem.accepted})`);
  return new TaskerError(oneKind ? first.code : "TSK_TEMPLATE_INVALID", {
    attempted,
    found: `${problems.length} problems${lines.join("")}`,
    details,
  });
}

function placeOf({ line, column, key }: TemplateProblem): string {
  return key === "" ? `line ${line}, column ${column}:` : `line ${line}: ${key} is`;
}

/** `steps[2].handler.callable` */
export function keyText(path: YamlPath): string {
  return path.map((part, index) => (typeof part === "number" ? `[${part}]` : index === 0 ? part : `.${part}`)).join("");
}

export function didYouMean(nearest: string | undefined): string {
  return nearest === undefined ? "" : `, did you mean "${nearest}"`;
}

/** A value of the file as a message shows it, cut where it is long. */
export function shownValue(value: unknown): string {
  const text = jsonTextOf(value);
  return text.length > 80 ? `${text.slice(0, 79)}…` : text;
}
