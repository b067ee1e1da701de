import { listHandlers } from "../../../database/handler-lists.ts";
import type { AppDeps } from "../../deps.ts";
import { answers, type App, documentRoute, refusals } from "../../document-route.ts";
import { HandlerListSchema } from "../../schemas/handlers.ts";
import { NamespaceParams } from "./parameters.ts";

/** `GET /v1/handlers` and `GET /v1/namespaces/{namespace}/handlers` */
export function listHandlersRoute(app: App, { database }: AppDeps): void {
  const all = documentRoute(app, {
    method: "get",
    path: "/v1/handlers",
    access: "handlers:read",
    summary: "List the handlers of the caller's namespaces",
    responses: { 200: answers("The handlers, by name", HandlerListSchema), ...refusals(408, 503) },
  });
  app.get(all, async (c) => {
    const { namespaces } = c.get("principal");
    const scope = namespaces === "*" ? undefined : namespaces;
    return c.json({ handlers: [...(await listHandlers(database, scope))] });
  });

  const path = documentRoute(app, {
    method: "get",
    path: "/v1/namespaces/{namespace}/handlers",
    access: "handlers:read",
    summary: "List the handlers of a namespace",
    request: { params: NamespaceParams },
    responses: { 200: answers("The handlers, by name", HandlerListSchema), ...refusals(400, 408, 503) },
  });
  app.get(path, async (c) => {
    const namespace = c.req.param("namespace") ?? "";
    return c.json({ handlers: [...(await listHandlers(database, [namespace]))] });
  });
}
