import { mayEnter } from "../../domain/principal.ts";
import type { AppDeps } from "../deps.ts";
import { answers, type App, documentRoute } from "../document-route.ts";
import { problemsFor } from "../problems-for-reader.ts";
import { checkReadiness } from "../readiness.ts";
import { DetailedHealthSchema, HealthSchema, ReadinessSchema } from "../schemas/host.ts";

/** `GET /health`, `GET /health/live`: the process answers. `GET /health/ready`: it can take work. `GET /health/detailed`: what is wrong, too. */
export function healthRoutes(app: App, deps: AppDeps): void {
  const { host, clock } = deps;
  const now = (): string => new Date(clock.now()).toISOString();

  const health = documentRoute(app, {
    method: "get",
    path: "/health",
    access: "public",
    summary: "Whether the process answers",
    responses: { 200: answers("It does", HealthSchema) },
  });
  app.get(health, (c) => c.json({ status: "healthy", timestamp: now(), worker_id: host.workerId }));

  const live = documentRoute(app, {
    method: "get",
    path: "/health/live",
    access: "public",
    summary: "Whether the process answers; for a liveness probe",
    responses: { 200: answers("It does", HealthSchema) },
  });
  app.get(live, (c) => c.json({ status: "alive", timestamp: now(), worker_id: host.workerId }));

  const ready = documentRoute(app, {
    method: "get",
    path: "/health/ready",
    access: "public",
    summary: "Whether the host can take work; for a readiness probe",
    responses: {
      200: answers("It can", ReadinessSchema),
      503: answers("It starts, shuts down or has no database", ReadinessSchema),
    },
  });
  app.get(ready, async (c) => {
    const readiness = await checkReadiness(deps);
    return c.json(readiness, readiness.status === "ready" ? 200 : 503);
  });

  const detailed = documentRoute(app, {
    method: "get",
    path: "/health/detailed",
    access: "system:handlers_read",
    summary: "Readiness, and what does not work while the rest does, of the reader's namespaces",
    responses: {
      200: answers("It can take work", DetailedHealthSchema),
      503: answers("It starts, shuts down or has no database", DetailedHealthSchema),
    },
  });
  app.get(detailed, async (c) => {
    const reader = c.get("principal");
    const readiness = await checkReadiness(deps, ({ namespace }) => mayEnter(reader, namespace));
    const problems = problemsFor(reader, host);
    return c.json({ ...readiness, problems }, readiness.status === "ready" ? 200 : 503);
  });
}
