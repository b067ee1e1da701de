import { z } from "@hono/zod-openapi";
import type { AppDeps } from "../deps.ts";
import { requireAllNamespaces } from "../middleware/require-permission.ts";
import { type App, documentRoute } from "../document-route.ts";

/** `GET /metrics`, where metrics are collected. */
export function metricsRoute(app: App, { metrics, settings }: AppDeps): void {
  const path = documentRoute(app, {
    method: "get",
    path: "/metrics",
    access: settings.metricsPublic ? "public" : "system:analytics_read",
    summary: "Metrics in the Prometheus text format; docs/metrics.md lists them",
    description: "Where they are not public, for callers of all namespaces: they count and name them all.",
    responses: { 200: { description: "The metrics", content: { "text/plain": { schema: z.string() } } } },
  });
  if (metrics === undefined) return;
  app.get(path, async (c) => {
    if (!settings.metricsPublic) requireAllNamespaces(c.get("principal"), "Cannot read the metrics");
    return c.body(await metrics.render(), 200, { "content-type": "text/plain; version=0.0.4; charset=utf-8" });
  });
}
