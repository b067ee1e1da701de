import { z } from "@hono/zod-openapi";
import { renderJson } from "../../orchestration/raw-json.ts";
import { readTask } from "../../orchestration/read-task.ts";
import type { AppDeps } from "../deps.ts";
import { answers, type App, documentRoute, refusals, uuidParameter } from "../document-route.ts";
import { jsonResponse } from "../json-response.ts";
import { forReader } from "../task-for-reader.ts";
import { TaskResponseSchema } from "../schemas/tasks.ts";

/** `GET /v1/tasks/{uuid}` */
export function readTaskRoute(app: App, { database }: AppDeps): void {
  documentRoute(app, {
    method: "get",
    path: "/v1/tasks/{uuid}",
    access: "tasks:read",
    summary: "Read a task with the readiness of its steps",
    request: { params: z.object({ uuid: z.string().openapi({ format: "uuid" }) }) },
    responses: { 200: answers("The task", TaskResponseSchema), ...refusals(400, 404, 408, 503) },
  });
  app.get("/v1/tasks/:uuid", async (c) => {
    const principal = c.get("principal");
    const task = await readTask(database, uuidParameter("uuid", c.req.param("uuid")), principal.namespaces);
    return jsonResponse(renderJson(forReader(task, principal)));
  });
}
