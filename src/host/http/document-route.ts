import { createRoute, type OpenAPIHono, type RouteConfig, type z } from "@hono/zod-openapi";
import { TaskerError } from "../../core/errors/index.ts";
import { isUuid } from "../../core/ids.ts";
import type { Permission } from "../domain/permissions.ts";
import type { AppEnv } from "./deps.ts";
import { refuseParameters } from "./parse-query.ts";
import { requirePermission } from "./middleware/require-permission.ts";
import { ErrorSchema } from "./schemas/errors.ts";

export type App = OpenAPIHono<AppEnv>;

/** A route as it is documented, and whom it is for. */
export interface RouteDocument extends RouteConfig {
  /** `public`: whoever reaches the port. Otherwise callers with this permission, in the namespace where the path has one. */
  readonly access: "public" | Permission;
}

/**
 * Puts a route into the OpenAPI document and its guard before it; returns its path for the router. Call it before the
 * handler is added: what is not documented is not guarded, and a test looks for such routes.
 *
 * Routes are described and served apart, as the library's own validation would send bodies through `JSON.parse`, which
 * rounds integers beyond 2^53.
 */
export function documentRoute(app: App, { access, ...config }: RouteDocument): string {
  const guarded = access !== "public";
  const route = createRoute({
    ...config,
    // What a client needs, and what the test of all routes and roles reads.
    "x-tasker-permission": access,
    ...(guarded && { security: [{ bearer: [] }] }),
    responses: { ...(guarded && refusals(400, 401, 403, 429, 503)), ...config.responses },
  });
  app.openAPIRegistry.registerPath(route);
  const path = route.getRoutingPath();
  if (guarded) {
    const method = config.method.toUpperCase();
    app.on(method, path, requirePermission(access));
    // Where a route has some, its schema refuses the others.
    if (config.request?.query === undefined) app.on(method, path, refuseParameters());
  }
  return path;
}

/** One answer of a route, as JSON. */
export function answers<T extends z.ZodType>(description: string, schema: T) {
  return { description, content: { "application/json": { schema } } };
}

/** The error answers of a route, by status. */
export function refusals(...statuses: readonly (keyof typeof REFUSALS)[]) {
  return Object.fromEntries(statuses.map((status) => [status, answers(REFUSALS[status], ErrorSchema)]));
}

const REFUSALS = {
  400: "A parameter or the body is wrong",
  401: "There are no credentials, or they are not good; `WWW-Authenticate` says which",
  403: "The caller lacks the permission, or may not enter the namespace",
  404: "There is no such thing",
  408: "It took too long",
  409: "It exists already",
  413: "The body is too large",
  422: "It is well-formed, and cannot be accepted as it is",
  429: "Too many requests; `Retry-After` says when to try again",
  503: "The host or its database is not available; `Retry-After` says when to try again",
} as const;

/** @throws TSK_REQUEST_UUID_INVALID */
export function uuidParameter(name: string, value: string): string {
  if (isUuid(value)) return value.toLowerCase();
  throw new TaskerError("TSK_REQUEST_UUID_INVALID", {
    attempted: `Cannot read the parameter "${name}"`,
    found: JSON.stringify(value.slice(0, 80)),
    accepted: "a UUID",
  });
}
