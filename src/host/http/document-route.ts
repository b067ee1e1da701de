import { createRoute, type OpenAPIHono, type RouteConfig, type z } from "@hono/zod-openapi";
import { TaskerError } from "../../core/errors/index.ts";
import { isUuid } from "../../core/ids.ts";
import type { AppEnv } from "./deps.ts";
import { ErrorSchema } from "./schemas/errors.ts";

export type App = OpenAPIHono<AppEnv>;

/**
 * Puts a route into the OpenAPI document; returns its path for the router. Routes are described and served apart, as
 * the library's own validation would send bodies through `JSON.parse`, which rounds integers beyond 2^53.
 */
export function documentRoute(app: App, config: RouteConfig): string {
  const route = createRoute(config);
  app.openAPIRegistry.registerPath(route);
  return route.getRoutingPath();
}

/** One answer of a route, as JSON. */
export function answers<T extends z.ZodType>(description: string, schema: T) {
  return { description, content: { "application/json": { schema } } };
}

/** The error answers of a route, by status. */
export function refusals(...statuses: readonly (400 | 404 | 408 | 409 | 413 | 503)[]) {
  return Object.fromEntries(statuses.map((status) => [status, answers(REFUSALS[status], ErrorSchema)]));
}

const REFUSALS = {
  400: "A parameter or the body is wrong",
  404: "There is no such thing",
  408: "It took too long",
  409: "It exists already",
  413: "The body is too large",
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
