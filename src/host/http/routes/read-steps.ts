import { z } from "@hono/zod-openapi";
import { renderJson } from "../../orchestration/raw-json.ts";
import { readSteps } from "../../orchestration/read-steps.ts";
import type { AppDeps } from "../deps.ts";
import { answers, type App, documentRoute, refusals, uuidParameter } from "../document-route.ts";
import { jsonResponse } from "../json-response.ts";
import { StepResponseSchema } from "../schemas/tasks.ts";

/** `GET /v1/tasks/{uuid}/workflow_steps` */
export function readStepsRoute(app: App, { database }: AppDeps): void {
  documentRoute(app, {
    method: "get",
    path: "/v1/tasks/{uuid}/workflow_steps",
    access: "steps:read",
    summary: "Read the steps of a task with their results",
    request: { params: z.object({ uuid: z.string().openapi({ format: "uuid" }) }) },
    responses: { 200: answers("The steps", z.array(StepResponseSchema)), ...refusals(400, 404, 408, 503) },
  });
  app.get("/v1/tasks/:uuid/workflow_steps", async (c) => {
    const { namespaces } = c.get("principal");
    const steps = await readSteps(database, uuidParameter("uuid", c.req.param("uuid")), namespaces);
    return jsonResponse(renderJson(steps));
  });
}
