import type { z } from "@hono/zod-openapi";
import { TaskerError } from "../../core/errors/index.ts";

/** The parameters of a query. @throws TSK_REQUEST_INVALID naming the first that is unknown or wrong. */
export function parseQuery<S extends z.ZodRawShape>(
  attempted: string,
  schema: z.ZodObject<S>,
  given: Readonly<Record<string, string>>,
): z.infer<z.ZodObject<S>> {
  const parsed = schema.safeParse(given);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  if (issue?.code === "unrecognized_keys") {
    const found = `unknown parameter ${issue.keys.map((key) => JSON.stringify(key.slice(0, 80))).join(", ")}`;
    throw new TaskerError("TSK_REQUEST_INVALID", { attempted, found, accepted: Object.keys(schema.shape).join(", ") });
  }
  const key = String(issue?.path[0] ?? "");
  const found = `"${key}" is ${JSON.stringify((given[key] ?? "").slice(0, 80))}`;
  throw new TaskerError("TSK_REQUEST_INVALID", { attempted, found, accepted: issue?.message ?? "" });
}
