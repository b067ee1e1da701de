import { TaskerError } from "../../core/errors/index.ts";
import type { AppDeps } from "./deps.ts";
import type { NamespaceView } from "./host-view.ts";
import type { HealthCheck, Readiness } from "./schemas/host.ts";

/** A probe must answer while the database hangs. */
const DATABASE_PATIENCE_MS = 2_000;

/**
 * Ready: in normal operation, the database answers, and no result waits for it in vain. `seen`: the namespaces that the answer
 * names and counts; whether the host is ready does not depend on them.
 */
export async function checkReadiness(
  deps: AppDeps,
  seen: (namespace: NamespaceView) => boolean = () => true,
): Promise<Readiness> {
  const { host, clock } = deps;
  const state = host.state();
  const namespaces = host.namespaces().filter(seen);
  const slots = sum(namespaces.map((namespace) => namespace.slots));
  const active = sum(namespaces.map((namespace) => namespace.active));
  const running = state === "normal";
  const trouble = host.trouble();
  const checks = {
    database: await checkDatabase(deps),
    command_processor: checked(deps, running, `the host is in state "${state}"`),
    queue_processing: checked(deps, running && trouble === undefined, trouble ?? queueMessage(namespaces)),
  };
  const ready = Object.values(checks).every((check) => check.status === "healthy");
  return {
    status: ready ? "ready" : "not_ready",
    timestamp: new Date(clock.now()).toISOString(),
    worker_id: host.workerId,
    checks,
    system_info: {
      version: host.version,
      environment: host.environment,
      uptime_seconds: Math.floor((clock.now() - host.startedAtMs) / 1_000),
      worker_type: "wasm",
      database_pool_size: host.database().poolSize,
      command_processor_active: running,
      supported_namespaces: namespaces.map(({ namespace }) => namespace),
      pool_utilization: slots === 0 ? 0 : active / slots,
    },
  };
}

function queueMessage(namespaces: readonly { readonly queueDepth: number }[]): string {
  return `${namespaces.length} namespaces, ${sum(namespaces.map(({ queueDepth }) => queueDepth))} messages waiting`;
}

async function checkDatabase(deps: AppDeps): Promise<HealthCheck> {
  const startedMs = deps.clock.monotonicMs();
  const answered = new AbortController();
  const impatience = async (): Promise<never> => {
    await deps.clock.wait(DATABASE_PATIENCE_MS, answered.signal);
    throw new TaskerError("TSK_DATABASE_UNREACHABLE", { attempted: "Cannot reach Postgres", found: "no answer yet" });
  };
  try {
    await Promise.race([deps.database.query("ping", "select 1", []), impatience()]);
    return checked(deps, true, "the database answers", deps.clock.monotonicMs() - startedMs);
  } catch (error) {
    deps.logger.debug({ err: error }, "database check failed");
    return checked(deps, false, "the database does not answer", deps.clock.monotonicMs() - startedMs);
  } finally {
    answered.abort();
  }
}

function checked({ clock }: AppDeps, healthy: boolean, message: string, durationMs: number = 0): HealthCheck {
  return {
    status: healthy ? "healthy" : "unhealthy",
    message,
    duration_ms: Math.round(durationMs),
    last_checked: new Date(clock.now()).toISOString(),
  };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
