import type { Clock } from "../../core/clock.ts";
import type { TaskerError } from "../../core/errors/index.ts";
import type { Wall } from "../../runtime/index.ts";
import type { LoadedConfig } from "../config/load-config.ts";
import type { MigrationStatus } from "../database/migrate.ts";
import type {
  ComponentView,
  DatabaseView,
  HostView,
  NamespaceView,
  ProblemView,
  TemplateView,
  WallView,
} from "../http/host-view.ts";
import type { ComponentStore } from "../registry/component-store.ts";
import type { LoadedHandlers } from "../registry/load-handlers.ts";
import { activationRefused, versionText } from "../registry/refusals.ts";
import type { RegistryWatch } from "../registry/registry-watch.ts";
import type { SystemOperationalState } from "../worker/coordinator.ts";
import type { WorkerCore } from "../worker/core.ts";
import type { NamespacePools } from "./namespace-pools.ts";
import type { OpenedDatabase } from "./open-database.ts";

/** What the parts of a starting host leave for `HostStatus`, as they come up. */
export interface HostParts {
  readonly opened: OpenedDatabase;
  readonly migrations: MigrationStatus;
  readonly worker: WorkerCore;
  readonly store: ComponentStore;
  readonly pools: NamespacePools;
  readonly watch: RegistryWatch;
  walls: readonly Wall[];
  handlers: LoadedHandlers | undefined;
}

/** The host as `/status` and `/health` show it. */
export class HostStatus implements HostView {
  readonly workerId: string;
  readonly version: string;
  readonly environment: string;
  readonly orchestration: "embedded" | "external";
  readonly isolation: "process" | "inline";
  readonly startedAtMs: number;
  readonly #slowBelowPerSecond: number;
  readonly #parts: HostParts;

  constructor(identity: { workerId: string; version: string }, loaded: LoadedConfig, parts: HostParts, clock: Clock) {
    this.workerId = identity.workerId;
    this.version = identity.version;
    this.environment = loaded.environment;
    this.orchestration = loaded.config.orchestrationApi.mode;
    this.isolation = loaded.config.sandbox.isolation;
    this.startedAtMs = clock.now();
    this.#slowBelowPerSecond = loaded.config.healthMonitoring.stepProcessingRateThreshold;
    this.#parts = parts;
  }

  state(): SystemOperationalState {
    return this.#parts.worker.coordinator.state;
  }

  namespaces(): readonly NamespaceView[] {
    return this.#parts.worker.coordinator.statuses.map((status) => ({
      ...status,
      slow: status.queueDepth > 0 && status.stepsPerSecond < this.#slowBelowPerSecond,
    }));
  }

  walls(): readonly WallView[] {
    return this.#parts.walls.map(({ name, inForce, reason }) => ({ wall: name, stands: inForce, detail: reason }));
  }

  components(): readonly ComponentView[] {
    const { handlers, watch } = this.#parts;
    // What was left inactive at the start may have been promoted since.
    const running = (handlers?.components ?? []).filter(
      ({ namespace, artifact, leftInactive }) => !leftInactive || watch.isActive(namespace, artifact.digest),
    );
    return running.map(({ namespace, artifact }) => ({
      namespace,
      name: artifact.manifest.name,
      version: artifact.manifest.version,
      digest: artifact.digest,
      callables: artifact.manifest.callables,
    }));
  }

  templates(): readonly TemplateView[] {
    return (this.#parts.handlers?.templates ?? []).map(({ namespace, name, version, stepCount }) => ({
      namespace,
      name,
      version,
      steps: stepCount,
    }));
  }

  problems(): readonly ProblemView[] {
    const { handlers, store, pools, watch, worker } = this.#parts;
    const served = new Set(worker.coordinator.pools.map(({ namespace }) => namespace));
    return [
      ...(handlers?.problems ?? []).map(({ path, namespace, error }) => problem(path, namespace, error)),
      ...pools.problems.map(({ namespace, error }) => problem(`namespace ${namespace}`, namespace, error)),
      // A line for each namespace that has it: every reader sees its own names.
      ...store.refused.flatMap(({ digest, versions, error }) =>
        versions.length === 0
          ? [problem(`component ${digest}`, undefined, error)]
          : versions.map(({ namespace, name, version }) =>
              problem(`${namespace}/${name} ${version} (component ${digest})`, namespace, error),
            ),
      ),
      // Ceilings are a host's own: what it does not run is no problem of it.
      ...watch.ungranted.flatMap(({ missing, granted, ...version }) => {
        const { namespace, name, version: number } = version;
        if (!served.has(namespace)) return [];
        const facts = { verdict: "not_granted", missing, granted } as const;
        const error = activationRefused(`Cannot run ${versionText(version)}`, namespace, facts);
        return [problem(`${namespace}/${name} ${number}`, namespace, error)];
      }),
    ];
  }

  trouble(): string | undefined {
    const { opened, worker } = this.#parts;
    const { circuit } = opened.database;
    if (circuit.state !== "closed") return "the database is away, claims rest";
    if (worker.reporter.stalled) return `${worker.reporter.waiting} results wait for the database, claims rest`;
    return undefined;
  }

  database(): DatabaseView {
    const { opened, migrations } = this.#parts;
    const { size, idle, waiting } = opened.database.use;
    return {
      kind: opened.kind,
      serverVersion: migrations.serverVersion,
      pgmq: migrations.queues === "plain" ? "own" : "extension",
      poolSize: size,
      poolIdle: idle,
      poolWaiting: waiting,
    };
  }
}

function problem(subject: string, namespace: string | undefined, { code, message }: TaskerError): ProblemView {
  return { subject, namespace, code, message };
}
