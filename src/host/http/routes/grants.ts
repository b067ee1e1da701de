import type { z } from "@hono/zod-openapi";
import { TaskerError } from "../../../core/errors/index.ts";
import type { GrantsInForce } from "../../registry/namespace-grants.ts";
import type { AppDeps } from "../deps.ts";
import { answers, type App, documentRoute, refusals } from "../document-route.ts";
import { readBody, requireJson } from "../read-body.ts";
import { GrantsSchema, NewGrantsSchema } from "../schemas/handlers.ts";
import { NamespaceParams } from "./handlers/parameters.ts";

/** `GET` and `PUT /v1/namespaces/{namespace}/grants` */
export function grantsRoutes(app: App, { registry, settings }: AppDeps): void {
  const read = documentRoute(app, {
    method: "get",
    path: "/v1/namespaces/{namespace}/grants",
    access: "handlers:read",
    summary: "Read what the handlers of a namespace may import and use",
    request: { params: NamespaceParams },
    responses: { 200: answers("The grants", GrantsSchema), ...refusals(400, 408, 503) },
  });
  app.get(read, async (c) => c.json(grantsView(await registry.grants.read(c.req.param("namespace") ?? ""))));

  const set = documentRoute(app, {
    method: "put",
    path: "/v1/namespaces/{namespace}/grants",
    access: "handlers:approve",
    summary: "Say what the handlers of a namespace may import and use",
    description:
      "Replaces what was said before. Holds from the next step on, also for versions that are active: steps of a handler " +
      "that imports more than is granted end in error.",
    request: {
      params: NamespaceParams,
      body: { content: { "application/json": { schema: NewGrantsSchema } }, required: true },
    },
    responses: { 200: answers("The grants", GrantsSchema), ...refusals(400, 408, 413, 422, 503) },
  });
  app.put(set, async (c) => {
    requireJson(c.req.header("content-type"));
    const grants = parseGrants(await readBody(c.req.raw, settings.maxBodyBytes, c.get("deadline")));
    const namespace = c.req.param("namespace") ?? "";
    return c.json(grantsView(await registry.grants.set(c.get("principal").actor, namespace, grants)));
  });
}

function parseGrants(text: string): typeof NewGrantsSchema._output {
  const attempted = "Cannot read the grants";
  let given: unknown;
  try {
    given = JSON.parse(text);
  } catch (cause) {
    throw new TaskerError("TSK_JSON_MALFORMED", { attempted, found: "text that is not JSON", cause });
  }
  const parsed = NewGrantsSchema.safeParse(given);
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

function grantsView({ namespace, capabilities, limits, stored }: GrantsInForce): Record<string, unknown> {
  return {
    namespace,
    capabilities,
    limits,
    own: stored !== undefined,
    own_limits: stored?.limits ?? {},
    changed_at: stored?.changed_at ?? null,
    changed_by: stored?.changed_by ?? null,
  };
}
