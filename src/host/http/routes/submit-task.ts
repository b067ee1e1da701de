import { parseTaskRequest } from "../../orchestration/parse-task-request.ts";
import { renderJson } from "../../orchestration/raw-json.ts";
import { readTask } from "../../orchestration/read-task.ts";
import { submitTask } from "../../orchestration/submit-task.ts";
import type { AppDeps } from "../deps.ts";
import { answers, type App, documentRoute, refusals } from "../document-route.ts";
import { jsonResponse } from "../json-response.ts";
import { requireNamespace } from "../middleware/require-permission.ts";
import { readBody, requireJson } from "../read-body.ts";
import { forReader } from "../task-for-reader.ts";
import { TaskRequestSchema, TaskResponseSchema } from "../schemas/tasks.ts";

/** `POST /v1/tasks` */
export function submitTaskRoute(app: App, { database, settings }: AppDeps): void {
  const path = documentRoute(app, {
    method: "post",
    path: "/v1/tasks",
    access: "tasks:create",
    summary: "Submit a task",
    description: "Creates the task with its steps and enqueues those that are ready.",
    request: { body: { content: { "application/json": { schema: TaskRequestSchema } }, required: true } },
    responses: { 201: answers("The task", TaskResponseSchema), ...refusals(400, 404, 408, 409, 413, 503) },
  });
  app.post(path, async (c) => {
    requireJson(c.req.header("content-type"));
    const body = await readBody(c.req.raw, settings.maxBodyBytes, c.get("deadline"));
    const request = parseTaskRequest(body, settings);
    const principal = c.get("principal");
    requireNamespace(principal, request.namespace, "Cannot submit the task");
    const taskUuid = await submitTask(database, request, principal.namespaces);
    const task = await readTask(database, taskUuid, principal.namespaces);
    const response = jsonResponse(renderJson(forReader(task, principal)), 201);
    response.headers.set("location", `/v1/tasks/${taskUuid}`);
    return response;
  });
}
