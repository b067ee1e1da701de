import { z } from "@hono/zod-openapi";
import { listAudit } from "../../database/audit.ts";
import { NAMESPACE_PATTERN, NAMESPACE_RULE } from "../../domain/names.ts";
import { RawJson, renderJson } from "../../orchestration/raw-json.ts";
import type { AppDeps } from "../deps.ts";
import { answers, type App, documentRoute, refusals } from "../document-route.ts";
import { filterText } from "../filter-text.ts";
import { jsonResponse } from "../json-response.ts";
import { requireNamespace } from "../middleware/require-permission.ts";
import { parseQuery } from "../parse-query.ts";
import { AuditSchema } from "../schemas/audit.ts";

const LIMIT_RULE = "a whole number from 1 to 500";
const BEFORE_RULE = "the `next_before` of the page before";
const ACTION_RULE = 'an action such as "handler.promoted"';

const Query = z.strictObject({
  namespace: z.string().regex(NAMESPACE_PATTERN, NAMESPACE_RULE).optional(),
  action: z
    .string()
    .regex(/^[a-z_]{1,64}\.[a-z_]{1,64}$/, ACTION_RULE)
    .optional(),
  actor: filterText(256).optional(),
  before: z
    .string()
    .regex(/^\d{1,15}$/, BEFORE_RULE)
    .transform(Number)
    .optional()
    .openapi({ type: "integer" }),
  limit: z
    .string()
    .regex(/^\d{1,3}$/, LIMIT_RULE)
    .transform(Number)
    .pipe(z.int(LIMIT_RULE).min(1, LIMIT_RULE).max(500, LIMIT_RULE))
    .default(50)
    .openapi({ type: "integer", minimum: 1, maximum: 500, default: 50 }),
});

/** `GET /v1/audit` */
export function auditRoute(app: App, { database }: AppDeps): void {
  const path = documentRoute(app, {
    method: "get",
    path: "/v1/audit",
    access: "audit:read",
    summary: "Who changed what, newest first",
    description:
      "Changes in the caller's namespaces; those of no single namespace are shown to callers of all namespaces.",
    request: { query: Query },
    responses: { 200: answers("A page of changes", AuditSchema), ...refusals(400, 408, 503) },
  });
  app.get(path, async (c) => {
    const attempted = "Cannot list changes";
    const { namespace, limit, ...filter } = parseQuery(attempted, Query, c.req.query());
    const principal = c.get("principal");
    if (namespace !== undefined) requireNamespace(principal, namespace, attempted);
    // One more than asked for tells whether there is another page.
    const found = await listAudit(database, { ...filter, namespace, scope: principal.namespaces, limit: limit + 1 });
    const entries = found.slice(0, limit);
    return jsonResponse(
      renderJson({
        entries: entries.map((entry) => ({
          entry_id: entry.entry_id,
          recorded_at: entry.recorded_at,
          action: entry.action,
          namespace: entry.namespace,
          actor: {
            kind: entry.actor_kind,
            name: entry.actor_name,
            origin: entry.actor_origin,
            ...(entry.actor_handle !== null && { handle: entry.actor_handle }),
          },
          subject: new RawJson(entry.subject),
        })),
        next_before: found.length > limit ? (entries.at(-1)?.entry_id ?? null) : null,
      }),
    );
  });
}
