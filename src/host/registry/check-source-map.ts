import { z } from "zod";
import { TaskerError } from "../../core/errors/index.ts";
import { MAX_SOURCE_MAP_BYTES } from "../../runtime/index.ts";

/** What backtraces need of it. Other members stay as they are. */
const SourceMap = z.looseObject({ version: z.literal(3), sources: z.array(z.string()), mappings: z.string() });

/** @throws TSK_REGISTRY_SOURCE_MAP_INVALID: what is kept beside a component must be able to explain its errors. */
export function checkSourceMap(text: string): void {
  const wrong = problemOf(text);
  if (wrong === undefined) return;
  throw new TaskerError("TSK_REGISTRY_SOURCE_MAP_INVALID", {
    attempted: "Cannot keep the source map",
    found: wrong,
    accepted: `JSON with "version": 3, "sources" (texts) and "mappings" (a text), at most ${MAX_SOURCE_MAP_BYTES} characters`,
  });
}

function problemOf(text: string): string | undefined {
  if (text.length > MAX_SOURCE_MAP_BYTES) return `${text.length} characters`;
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return "something that is no JSON";
  }
  const parsed = SourceMap.safeParse(json);
  if (parsed.success) return undefined;
  const [issue] = parsed.error.issues;
  return issue === undefined || issue.path.length === 0 ? "no object" : `a wrong "${issue.path.join(".")}"`;
}
