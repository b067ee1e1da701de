import { readFileSync } from "node:fs";
import { TaskerError } from "../../core/errors/index.ts";
import { isUuid } from "../../core/ids.ts";
import { scanJson } from "../../core/json.ts";
import {
  NAMESPACE_PATTERN,
  NAMESPACE_RULE,
  TASK_NAME_PATTERN,
  TASK_NAME_RULE,
  VERSION_PATTERN,
  VERSION_RULE,
} from "../domain/names.ts";
import { usageError } from "./api-options.ts";

/** What the command line says of a task to submit. */
export interface TaskArguments {
  /** `namespace/task`. */
  readonly task: string;
  /** JSON, or `@file`, or `@-` for standard input. Default `{}`. */
  readonly context: string | undefined;
  readonly version: string | undefined;
  readonly priority: string | undefined;
  readonly correlationId: string;
  /** Who submits. */
  readonly initiator: string;
}

const ATTEMPTED = "Cannot submit the task";
/** Beyond any limit that the API may have; what it really takes, it says. */
const MAX_CONTEXT_BYTES = 512 * 1_024 * 1_024;

/**
 * The request as JSON text, with the context in it as it was given.
 *
 * @throws TSK_REQUEST_INVALID, TSK_JSON_MALFORMED, TSK_JSON_UNSTORABLE.
 */
export function taskRequestText(given: TaskArguments): string {
  const [namespace = "", name = "", ...rest] = given.task.split("/");
  if (rest.length > 0 || !NAMESPACE_PATTERN.test(namespace) || !TASK_NAME_PATTERN.test(name)) {
    const accepted = `NAMESPACE/TASK (namespace: ${NAMESPACE_RULE}; task: ${TASK_NAME_RULE})`;
    throw usageError(ATTEMPTED, JSON.stringify(given.task), accepted);
  }
  if (given.version !== undefined && !VERSION_PATTERN.test(given.version)) {
    throw usageError(ATTEMPTED, `--version is ${JSON.stringify(given.version)}`, VERSION_RULE);
  }
  if (given.priority !== undefined && !/^-?\d{1,3}$/.test(given.priority)) {
    throw usageError(ATTEMPTED, `--priority is ${JSON.stringify(given.priority)}`, "a whole number from -100 to 100");
  }
  if (!isUuid(given.correlationId)) {
    throw usageError(ATTEMPTED, `--correlation-id is ${JSON.stringify(given.correlationId)}`, "a UUID");
  }
  const members = JSON.stringify({
    namespace,
    name,
    version: given.version,
    initiator: given.initiator,
    source_system: "tasker-host submit",
    reason: "submitted from the command line",
    priority: given.priority === undefined ? undefined : Number(given.priority),
    correlation_id: given.correlationId,
  });
  return `${members.slice(0, -1)},"context":${contextText(given.context ?? "{}")}}`;
}

function contextText(given: string): string {
  const text = given.startsWith("@") ? readContext(given.slice(1)) : given;
  const problem = scanJson(text, { maxBytes: MAX_CONTEXT_BYTES });
  if (problem) {
    const accepted = "a JSON object such as '{\"order\": 1}', or @FILE";
    throw new TaskerError(problem.code, { attempted: ATTEMPTED, found: `--context: ${problem.found}`, accepted });
  }
  if (!text.trimStart().startsWith("{")) {
    throw usageError(ATTEMPTED, "--context holds JSON that is no object", "a JSON object, or @FILE");
  }
  return text.trim();
}

function readContext(path: string): string {
  try {
    return readFileSync(path === "-" ? 0 : path, "utf8").replace(/^\ufeff/, "");
  } catch (cause) {
    const reason = cause instanceof Error && "code" in cause ? String(cause.code) : "it cannot be read";
    throw new TaskerError("TSK_REQUEST_FILE_UNREADABLE", {
      attempted: `Cannot read the context from ${JSON.stringify(path)}`,
      found: reason === "ENOENT" ? "no such file" : reason,
      accepted: "--context JSON, --context @FILE, or --context @- for standard input",
      cause,
    });
  }
}
