import { mayEnter, type Principal } from "../../domain/principal.ts";
import type { AppDeps } from "../deps.ts";
import { answers, type App, documentRoute } from "../document-route.ts";
import type { HostView } from "../host-view.ts";
import { problemsFor } from "../problems-for-reader.ts";
import { type Status, StatusSchema } from "../schemas/host.ts";

/** `GET /status`: what the host runs, and what is wrong with it. */
export function statusRoute(app: App, { host, clock }: AppDeps): void {
  const path = documentRoute(app, {
    method: "get",
    path: "/status",
    access: "system:handlers_read",
    summary: "What the host runs, and what is wrong with it",
    responses: { 200: answers("The host", StatusSchema) },
  });
  app.get(path, (c) => c.json(statusOf(host, clock.now(), c.get("principal"))));
}

/**
 * Member by member, so that what a view holds beyond its interface is never shown; of namespaces, only those of the reader.
 */
function statusOf(host: HostView, nowMs: number, reader: Principal): Status {
  const database = host.database();
  const seen = ({ namespace }: { readonly namespace: string }): boolean => mayEnter(reader, namespace);
  return {
    state: host.state(),
    worker_id: host.workerId,
    version: host.version,
    environment: host.environment,
    started_at: new Date(host.startedAtMs).toISOString(),
    uptime_seconds: Math.floor((nowMs - host.startedAtMs) / 1_000),
    orchestration: host.orchestration,
    namespaces: host
      .namespaces()
      .filter(seen)
      .map((namespace) => ({
        namespace: namespace.namespace,
        slots: namespace.slots,
        active: namespace.active,
        queue_depth: namespace.queueDepth,
        steps_per_second: namespace.stepsPerSecond,
        slow: namespace.slow,
      })),
    sandbox: {
      isolation: host.isolation,
      walls: host.walls().map(({ wall, stands, detail }) => ({ wall, stands, detail })),
    },
    templates: host
      .templates()
      .filter(seen)
      .map(({ namespace, name, version, steps }) => ({ namespace, name, version, steps })),
    components: host
      .components()
      .filter(seen)
      .map(({ namespace, name, version, digest, callables }) => ({
        namespace,
        name,
        version,
        digest,
        callables: [...callables],
      })),
    problems: problemsFor(reader, host),
    database: {
      kind: database.kind,
      server_version: database.serverVersion ?? null,
      pgmq: database.pgmq ?? null,
      pool: { size: database.poolSize, idle: database.poolIdle, waiting: database.poolWaiting },
    },
  };
}
