import { z } from "@hono/zod-openapi";
import { TaskerError } from "../../../core/errors/index.ts";
import { NAMESPACE_PATTERN, NAMESPACE_RULE } from "../../domain/names.ts";
import { TASK_STATES } from "../../domain/task-states.ts";
import { listTasks } from "../../orchestration/list-tasks.ts";
import { renderJson } from "../../orchestration/raw-json.ts";
import type { AppDeps } from "../deps.ts";
import { answers, type App, documentRoute, refusals } from "../document-route.ts";
import { jsonResponse } from "../json-response.ts";
import { TaskListResponseSchema } from "../schemas/tasks.ts";

const PAGE_RULE = "a whole number from 1 to 1000000";
const PER_PAGE_RULE = "a whole number from 1 to 100";
const STATUS_RULE = TASK_STATES.join(", ");
const WORDS_RULE = "text of at most 128 characters";

const wholeNumber = (rule: string, max: number) =>
  z
    .string()
    .regex(/^\d{1,7}$/, rule)
    .transform(Number)
    .pipe(z.int(rule).min(1, rule).max(max, rule));

const Query = z.strictObject({
  page: wholeNumber(PAGE_RULE, 1_000_000).default(1).openapi({ type: "integer", minimum: 1, default: 1 }),
  per_page: wholeNumber(PER_PAGE_RULE, 100)
    .default(25)
    .openapi({ type: "integer", minimum: 1, maximum: 100, default: 25 }),
  namespace: z.string().regex(NAMESPACE_PATTERN, NAMESPACE_RULE).optional(),
  status: z.enum(TASK_STATES, STATUS_RULE).optional(),
  initiator: z.string().max(128, WORDS_RULE).optional(),
  source_system: z.string().max(128, WORDS_RULE).optional(),
});

/** `GET /v1/tasks` */
export function listTasksRoute(app: App, { database }: AppDeps): void {
  const path = documentRoute(app, {
    method: "get",
    path: "/v1/tasks",
    access: "tasks:list",
    summary: "List tasks, newest first",
    request: { query: Query },
    responses: { 200: answers("A page of tasks", TaskListResponseSchema), ...refusals(400, 408, 503) },
  });
  app.get(path, async (c) => {
    const query = parseQuery(c.req.query());
    const list = await listTasks(database, {
      page: query.page,
      perPage: query.per_page,
      namespace: query.namespace,
      status: query.status,
      initiator: query.initiator,
      sourceSystem: query.source_system,
    });
    return jsonResponse(renderJson(list));
  });
}

function parseQuery(given: Record<string, string>): z.infer<typeof Query> {
  const parsed = Query.safeParse(given);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const attempted = "Cannot list tasks";
  if (issue?.code === "unrecognized_keys") {
    const found = `unknown parameter ${issue.keys.map((key) => JSON.stringify(key)).join(", ")}`;
    throw new TaskerError("TSK_REQUEST_INVALID", { attempted, found, accepted: Object.keys(Query.shape).join(", ") });
  }
  const key = String(issue?.path[0] ?? "");
  const found = `"${key}" is ${JSON.stringify((given[key] ?? "").slice(0, 80))}`;
  throw new TaskerError("TSK_REQUEST_INVALID", { attempted, found, accepted: issue?.message ?? "" });
}
