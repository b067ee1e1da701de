import { z } from "@hono/zod-openapi";
import { NAMESPACE_PATTERN, NAMESPACE_RULE } from "../../domain/names.ts";
import { TASK_STATES } from "../../domain/task-states.ts";
import { listTasks } from "../../orchestration/list-tasks.ts";
import { renderJson } from "../../orchestration/raw-json.ts";
import type { AppDeps } from "../deps.ts";
import { answers, type App, documentRoute, refusals } from "../document-route.ts";
import { filterText } from "../filter-text.ts";
import { jsonResponse } from "../json-response.ts";
import { requireNamespace } from "../middleware/require-permission.ts";
import { parseQuery } from "../parse-query.ts";
import { forReader } from "../task-for-reader.ts";
import { TaskListResponseSchema } from "../schemas/tasks.ts";

const PAGE_RULE = "a whole number from 1 to 1000000";
const PER_PAGE_RULE = "a whole number from 1 to 100";
const STATUS_RULE = TASK_STATES.join(", ");

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
  initiator: filterText(128).optional(),
  source_system: filterText(128).optional(),
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
    const attempted = "Cannot list tasks";
    const query = parseQuery(attempted, Query, c.req.query());
    const principal = c.get("principal");
    if (query.namespace !== undefined) requireNamespace(principal, query.namespace, attempted);
    const list = await listTasks(database, {
      page: query.page,
      perPage: query.per_page,
      scope: principal.namespaces,
      namespace: query.namespace,
      status: query.status,
      initiator: query.initiator,
      sourceSystem: query.source_system,
    });
    return jsonResponse(renderJson({ ...list, tasks: list.tasks.map((task) => forReader(task, principal)) }));
  });
}
