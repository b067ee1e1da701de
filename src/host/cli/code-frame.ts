import type { Paint } from "./paint.ts";
import { printable } from "./printable.ts";

const LINES_BEFORE = 2;
const LINES_AFTER = 1;

/** A place in a source text: the line with its neighbours and a caret. Empty where the text has no such line. */
export function codeFrame(
  source: string,
  place: { readonly line: number; readonly column?: number | undefined },
  paint: Paint,
): readonly string[] {
  const lines = source.split("\n");
  if (place.line < 1 || place.line > lines.length) return [];
  const first = Math.max(1, place.line - LINES_BEFORE);
  const last = Math.min(lines.length, place.line + LINES_AFTER);
  const width = String(last).length;
  return lines.slice(first - 1, last).flatMap((line, index) => {
    const number = first + index;
    const text = printable(line.replaceAll("\t", "  ")).trimEnd();
    const gutter = `${String(number).padStart(width)} |`;
    if (number !== place.line) return [`  ${paint("dim", `${gutter} ${text}`)}`.trimEnd()];
    const shown = `${paint("red", ">")} ${paint("bold", gutter)} ${text}`;
    if (place.column === undefined || place.column < 1) return [shown];
    const before = printable(line.slice(0, place.column - 1).replaceAll("\t", "  "));
    return [shown, `  ${" ".repeat(width)} ${paint("dim", "|")} ${" ".repeat(before.length)}${paint("red", "^")}`];
  });
}

/** `file:line:column` at the end of a backtrace's line, as `name (file:line:column)` has it. */
export function placeOfFrame(
  frame: string,
): { readonly file: string; readonly line: number; readonly column: number } | undefined {
  const {
    file = "",
    line = "",
    column = "0",
  } = /\((?<file>[^():]{1,400}):(?<line>\d{1,9})(?::(?<column>\d{1,9}))?\)$/.exec(frame)?.groups ?? {};
  return file === "" ? undefined : { file, line: Number(line), column: Number(column) };
}
