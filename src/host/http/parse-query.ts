import type { z } from "@hono/zod-openapi";
import type { MiddlewareHandler } from "hono";
import { TaskerError } from "../../core/errors/index.ts";
import type { AppEnv } from "./deps.ts";

/** The parameters of a query. @throws TSK_REQUEST_INVALID naming the first that is unknown, missing or wrong. */
export function parseQuery<S extends z.ZodRawShape>(
  attempted: string,
  schema: z.ZodObject<S>,
  given: Readonly<Record<string, string>>,
): z.infer<z.ZodObject<S>> {
  const parsed = schema.safeParse(given);
  if (parsed.success) return parsed.data;
  const { issues } = parsed.error;
  // First: a misspelt parameter is often the one that is missing.
  const issue = issues.find(({ code }) => code === "unrecognized_keys") ?? issues[0];
  if (issue?.code === "unrecognized_keys") throw unknown(attempted, issue.keys, Object.keys(schema.shape).join(", "));
  const key = String(issue?.path[0] ?? "");
  const value = given[key];
  const found = value === undefined ? `no parameter "${key}"` : `"${key}" is ${JSON.stringify(value.slice(0, 80))}`;
  throw new TaskerError("TSK_REQUEST_INVALID", { attempted, found, accepted: issue?.message ?? "" });
}

/** For routes without parameters: a misspelt one must not look like one that was heeded. @throws TSK_REQUEST_INVALID */
export function refuseParameters(): MiddlewareHandler<AppEnv> {
  return async (c, next) => {
    const given = Object.keys(c.req.query());
    const attempted = `Cannot answer ${c.req.method} ${c.req.path.slice(0, 200)}`;
    if (given.length > 0) throw unknown(attempted, given, "no parameters");
    await next();
  };
}

function unknown(attempted: string, keys: readonly string[], accepted: string): TaskerError {
  const found = `unknown parameter ${keys.map((key) => JSON.stringify(key.slice(0, 80))).join(", ")}`;
  return new TaskerError("TSK_REQUEST_INVALID", { attempted, found, accepted });
}
