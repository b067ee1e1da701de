import type { z } from "@hono/zod-openapi";
import { TaskerError } from "../../../core/errors/index.ts";
import { type ActiveComponent, activeComponents } from "../../database/handler-lists.ts";
import { type GrantsInForce, missingOf } from "../../registry/namespace-grants.ts";
import type { AppDeps } from "../deps.ts";
import { answers, type App, documentRoute, refusals } from "../document-route.ts";
import { readBody, requireJson } from "../read-body.ts";
import { GrantChangesSchema, GrantsSchema } from "../schemas/handlers.ts";
import { NamespaceParams } from "./handlers/parameters.ts";

/** `GET` and `PATCH /v1/namespaces/{namespace}/grants` */
export function grantsRoutes(app: App, { registry, database, settings }: AppDeps): void {
  const view = async (grants: GrantsInForce): Promise<Record<string, unknown>> => {
    const active = await activeComponents(database);
    return grantsView(
      grants,
      active.filter(({ namespace }) => namespace === grants.namespace),
    );
  };

  const read = documentRoute(app, {
    method: "get",
    path: "/v1/namespaces/{namespace}/grants",
    access: "handlers:read",
    summary: "Read what the handlers of a namespace may import and use",
    request: { params: NamespaceParams },
    responses: { 200: answers("The grants", GrantsSchema), ...refusals(400, 408, 503) },
  });
  app.get(read, async (c) => c.json(await view(await registry.grants.read(c.req.param("namespace") ?? ""))));

  const set = documentRoute(app, {
    method: "patch",
    path: "/v1/namespaces/{namespace}/grants",
    access: "handlers:approve",
    summary: "Change what the handlers of a namespace may import and use",
    description:
      "What the body does not name stays as it is; null returns a member to the default of the host. Holds from the next " +
      "step on, also for versions that are active: steps of a handler that imports more than is granted end in error, and " +
      "`ungranted` names such versions.",
    request: {
      params: NamespaceParams,
      body: { content: { "application/json": { schema: GrantChangesSchema } }, required: true },
    },
    responses: { 200: answers("The grants", GrantsSchema), ...refusals(400, 408, 413, 422, 503) },
  });
  app.patch(set, async (c) => {
    requireJson(c.req.header("content-type"));
    const changes = parseChanges(await readBody(c.req.raw, settings.maxBodyBytes, c.get("deadline")));
    const namespace = c.req.param("namespace") ?? "";
    return c.json(await view(await registry.grants.set(c.get("principal").actor, namespace, changes)));
  });
}

function parseChanges(text: string): typeof GrantChangesSchema._output {
  const attempted = "Cannot read what shall change of the grants";
  let given: unknown;
  try {
    given = JSON.parse(text);
  } catch (cause) {
    throw new TaskerError("TSK_JSON_MALFORMED", { attempted, found: "text that is not JSON", cause });
  }
  const parsed = GrantChangesSchema.safeParse(given);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const found = issue === undefined ? "another form" : foundAt(issue, given);
  throw new TaskerError("TSK_REQUEST_INVALID", { attempted, found, accepted: issue?.message ?? "" });
}

function foundAt(issue: z.core.$ZodIssue, given: unknown): string {
  if (issue.code === "unrecognized_keys") {
    const keys = issue.keys.map((key) => JSON.stringify([...issue.path, key].join(".").slice(0, 80)));
    return `unknown member ${keys.join(", ")}`;
  }
  const path = issue.path.join(".");
  const value = issue.path.reduce<unknown>(memberOf, given);
  if (value === undefined) return `no member "${path}"`;
  const text = JSON.stringify(value).slice(0, 80);
  return path === "" ? `the body is ${text}` : `"${path}" is ${text}`;
}

function memberOf(value: unknown, key: PropertyKey): unknown {
  return typeof value === "object" && value !== null ? Object.getOwnPropertyDescriptor(value, key)?.value : undefined;
}

function grantsView(
  { namespace, capabilities, limits, stored }: GrantsInForce,
  active: readonly ActiveComponent[],
): Record<string, unknown> {
  return {
    namespace,
    capabilities,
    limits,
    own: stored !== undefined,
    own_capabilities: stored?.capabilities ?? null,
    own_limits: stored?.limits ?? {},
    changed_at: stored?.changed_at ?? null,
    changed_by: stored?.changed_by ?? null,
    ungranted: active.flatMap(({ name, version, capabilities: needed }) => {
      const missing = missingOf(needed, capabilities);
      return missing.length === 0 ? [] : [{ name, version, not_granted: missing }];
    }),
  };
}
