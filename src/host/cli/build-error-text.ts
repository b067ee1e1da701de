import { readFileSync } from "node:fs";
import { join } from "node:path";
import { shownPath } from "../authoring/shown-path.ts";
import { codeFrame } from "./code-frame.ts";
import { formatError, isBuildError } from "./format.ts";
import type { Paint } from "./paint.ts";

/** Why a handler could not be built, with the line of the source where the error names one. */
export function buildErrorText(error: unknown, handlerFolder: string, paint: Paint): readonly string[] {
  const { file, line, column } = placeOf(error);
  const [head = "", ...rest] = formatError(error).split("\n");
  const text = [paint("red", head), ...rest];
  if (file === undefined || line === undefined) return text;
  const path = join(handlerFolder, file);
  try {
    const frame = codeFrame(readFileSync(path, "utf8"), { line, column }, paint);
    return [...text, "", `  ${shownPath(path)}:${line}${column === undefined ? "" : `:${column}`}`, ...frame, ""];
  } catch {
    return text;
  }
}

interface Place {
  readonly file?: string;
  readonly line?: number;
  readonly column?: number;
}

function placeOf(error: unknown): Place {
  if (!isBuildError(error)) return {};
  return {
    ...("file" in error && typeof error.file === "string" && { file: error.file }),
    ...("line" in error && typeof error.line === "number" && { line: error.line }),
    ...("column" in error && typeof error.column === "number" && { column: error.column }),
  };
}
