import { z } from "zod";
import { TaskerError } from "../../core/errors/index.ts";
import { isUuid } from "../../core/ids.ts";
import { scanJson } from "../../core/json.ts";
import { jsonMembers } from "../../core/json-members.ts";
import type { NewTask } from "../database/tasks.ts";
import {
  NAMESPACE_PATTERN,
  NAMESPACE_RULE,
  TASK_NAME_PATTERN,
  TASK_NAME_RULE,
  VERSION_PATTERN,
  VERSION_RULE,
} from "../domain/names.ts";

const MAX_WORDS = 128;
const WORDS_RULE = `text of 1 to ${MAX_WORDS} characters`;
const TAGS_RULE = `an array of at most 100 texts of 1 to ${MAX_WORDS} characters`;
const PRIORITY_RULE = "a whole number from -100 to 100";
const UUID_RULE = "a UUID";

const named = (pattern: RegExp, rule: string) => z.string(rule).regex(pattern, rule);
/** As `varchar(128)` counts: code points. */
const words = z.string(WORDS_RULE).refine((text) => text !== "" && Array.from(text).length <= MAX_WORDS, WORDS_RULE);
const uuid = z.string(UUID_RULE).refine(isUuid, UUID_RULE);

/** Every member of a task request but `context`, which stays text. Issue messages say what is accepted. */
export const TaskRequestMembers = z.strictObject({
  name: named(TASK_NAME_PATTERN, TASK_NAME_RULE),
  namespace: named(NAMESPACE_PATTERN, NAMESPACE_RULE),
  /** Default: the newest registered version. */
  version: named(VERSION_PATTERN, VERSION_RULE).nullish(),
  initiator: words,
  source_system: words,
  reason: words,
  tags: z.array(words, TAGS_RULE).max(100, TAGS_RULE).default([]),
  priority: z.int(PRIORITY_RULE).min(-100, PRIORITY_RULE).max(100, PRIORITY_RULE).nullish(),
  correlation_id: uuid.nullish(),
  parent_correlation_id: uuid.nullish(),
  idempotency_key: words.nullish(),
  /** Taken as Tasker's clients send them and not used: the host sets the time, and knows no options yet. */
  requested_at: z.string("a time").nullish(),
  options: z.record(z.string(), z.unknown(), "an object").nullish(),
});

const ATTEMPTED = "Cannot submit the task";

/**
 * Reads a task request from JSON text. `context` is cut out as text, so that no number in it passes through a double.
 *
 * @throws TSK_JSON_MALFORMED, TSK_JSON_UNSTORABLE, TSK_JSON_TOO_LARGE, TSK_REQUEST_INVALID.
 */
export function parseTaskRequest(
  body: string,
  limits: { readonly maxBodyBytes: number; readonly maxContextBytes: number },
): NewTask {
  const problem = scanJson(body, { maxBytes: limits.maxBodyBytes });
  if (problem) throw new TaskerError(problem.code, { attempted: ATTEMPTED, found: problem.found });
  if (!isObjectText(body)) {
    throw new TaskerError("TSK_REQUEST_INVALID", { attempted: ATTEMPTED, found: excerpt(body), accepted: "an object" });
  }
  const members = jsonMembers(body);
  const context = contextOf(members, limits.maxContextBytes);
  const others = [...members].filter(([key]) => key !== "context");
  // `fromEntries` defines own members, also for `__proto__`, which the schema then refuses as unknown.
  const parsed = TaskRequestMembers.safeParse(Object.fromEntries(others.map(([key, text]) => [key, JSON.parse(text)])));
  if (!parsed.success) throw invalid(parsed.error.issues, members);
  const request = parsed.data;
  return {
    name: request.name,
    namespace: request.namespace,
    version: request.version ?? undefined,
    context,
    initiator: request.initiator,
    sourceSystem: request.source_system,
    reason: request.reason,
    tags: request.tags,
    priority: request.priority ?? 0,
    correlationId: request.correlation_id ?? undefined,
    parentCorrelationId: request.parent_correlation_id ?? undefined,
    idempotencyKey: request.idempotency_key ?? undefined,
  };
}

function contextOf(members: ReadonlyMap<string, string>, maxBytes: number): string {
  const context = members.get("context");
  if (context === undefined || !isObjectText(context)) {
    const found = context === undefined ? 'no member "context"' : `"context" is ${excerpt(context)}`;
    throw new TaskerError("TSK_REQUEST_INVALID", { attempted: ATTEMPTED, found, accepted: "a JSON object" });
  }
  const bytes = Buffer.byteLength(context);
  if (bytes > maxBytes) {
    const found = `a context of ${bytes} bytes`;
    throw new TaskerError("TSK_JSON_TOO_LARGE", { attempted: ATTEMPTED, found, accepted: `at most ${maxBytes}` });
  }
  return context;
}

/** Names the first broken member: what it holds, what it may hold. */
function invalid(issues: readonly z.core.$ZodIssue[], members: ReadonlyMap<string, string>): TaskerError {
  const [issue] = issues;
  if (issue?.code === "unrecognized_keys") {
    const found = `unknown member ${issue.keys.map((key) => JSON.stringify(key)).join(", ")}`;
    const accepted = ["context", ...Object.keys(TaskRequestMembers.shape)].join(", ");
    return new TaskerError("TSK_REQUEST_INVALID", { attempted: ATTEMPTED, found, accepted });
  }
  const key = String(issue?.path[0] ?? "");
  const text = members.get(key);
  const found = text === undefined ? `no member "${key}"` : `"${key}" is ${excerpt(text)}`;
  return new TaskerError("TSK_REQUEST_INVALID", { attempted: ATTEMPTED, found, accepted: issue?.message ?? "" });
}

function isObjectText(text: string): boolean {
  return text.trimStart().startsWith("{");
}

function excerpt(text: string): string {
  const shown = text.trim();
  return shown.length > 80 ? `${shown.slice(0, 80)}…` : shown;
}
