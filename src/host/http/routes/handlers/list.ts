import { type HandlerSummary, listHandlers } from "../../../database/handler-lists.ts";
import type { AppDeps } from "../../deps.ts";
import { answers, type App, documentRoute, refusals } from "../../document-route.ts";
import { HandlerListSchema } from "../../schemas/handlers.ts";
import type { NamespaceGrants } from "../../../registry/namespace-grants.ts";
import { NamespaceParams } from "./parameters.ts";

/** `GET /v1/handlers` and `GET /v1/namespaces/{namespace}/handlers` */
export function listHandlersRoute(app: App, { database, registry }: AppDeps): void {
  const view = (handlers: readonly HandlerSummary[]): Promise<object[]> =>
    Promise.all(handlers.map((handler) => handlerView(handler, registry.grants)));

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
    return c.json({ handlers: await view(await listHandlers(database, scope)) });
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
    return c.json({ handlers: await view(await listHandlers(database, [namespace])) });
  });
}

/** With what its active version lacks of the namespace's grants. */
async function handlerView(handler: HandlerSummary, grants: NamespaceGrants): Promise<object> {
  const { namespace, active } = handler;
  if (active === null) return handler;
  return { ...handler, active: { ...active, not_granted: await grants.notGranted(namespace, active.capabilities) } };
}
