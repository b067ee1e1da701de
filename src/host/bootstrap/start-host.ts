/**
 * The composition root: builds every part of a host, in the order in which each can work, and takes them down in reverse.
 */
import { relative } from "node:path";
import type { Clock } from "../../core/clock.ts";
import { uuidv7 } from "../../core/ids.ts";
import type { Logger } from "../../core/logger.ts";
import { ServiceGroup } from "../../core/service-group.ts";
import { requireCallDepth, wallsInForce } from "../../runtime/index.ts";
import { localActor } from "../cli/local-actor.ts";
import type { LoadedConfig } from "../config/load-config.ts";
import { hostOf, isLoopback } from "../config/loopback.ts";
import type { HostConfig } from "../config/schema.ts";
import type { Database, DatabasePatience } from "../database/connection.ts";
import { adoptSteps, wakeDueSteps } from "../database/due-steps.ts";
import { LEASES_CHANNEL } from "../database/leases.ts";
import { migrate, type MigrationStatus, migrationStatus } from "../database/migrate.ts";
import { registerTemplate } from "../database/templates.ts";
import type { RetryPolicy } from "../domain/template.ts";
import { EventSubscriber } from "../events/event-subscriber.ts";
import { InProcessEventSystem } from "../events/in-process-event-system.ts";
import { createApp } from "../http/app.ts";
import type { HostView } from "../http/host-view.ts";
import { createHttpServer, type HttpServer } from "../http/server.ts";
import { ensureOrchestrationQueues, WAKE_CHANNEL } from "../messaging/step-queues.ts";
import { Metrics } from "../observability/metrics.ts";
import { OrchestrationLoop } from "../orchestration/orchestration-loop.ts";
import { registeredTemplates } from "../orchestration/registered-templates.ts";
import type { HandlerRegistry } from "../registry/handler-registry.ts";
import { type LoadedHandlers, loadHandlers } from "../registry/load-handlers.ts";
import { REGISTRY_CHANNEL, RegistryWatch } from "../registry/registry-watch.ts";
import { TaskTemplateRegistry } from "../registry/task-template-registry.ts";
import type { WorkerCore } from "../worker/core.ts";
import { refuseMissingWalls } from "../worker/required-walls.ts";
import { buildAuthenticator, refuseOpenApi } from "./build-authenticator.ts";
import { buildRegistry } from "./build-registry.ts";
import { buildRetention } from "./build-retention.ts";
import { buildWorker, retryRules } from "./build-worker.ts";
import { type HostParts, HostStatus } from "./host-status.ts";
import { NamespacePools } from "./namespace-pools.ts";
import { openDatabase, type OpenedDatabase } from "./open-database.ts";

export const HOST_VERSION = "0.1.0";

export interface HostOptions {
  readonly loaded: LoadedConfig;
  /** Folder of components and templates to load; undefined: only what the database has. */
  readonly handlersDir: string | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Aborted where somebody wants the host to end: then it claims nothing. */
  readonly interrupted?: AbortSignal;
  /** Told what takes long enough for a person to wonder. */
  readonly onProgress: (message: string) => void;
  /** Subscribes native handlers before the first step is claimed. */
  readonly subscribe?: (subscriber: EventSubscriber) => void;
  /** Counts client round trips, by statement name. */
  readonly onRoundTrip?: (name: string) => void;
  /** See `OpenDatabaseDeps.patience`. */
  readonly patience?: DatabasePatience;
}

/** A host that is up. */
export interface Host extends AsyncDisposable {
  readonly url: string;
  readonly view: HostView;
  readonly opened: OpenedDatabase;
  /** As it was found; what was pending then is applied now. */
  readonly migrations: MigrationStatus;
  readonly handlers: LoadedHandlers;
  readonly registry: HandlerRegistry;
  /** Loads the folder of handlers again: what changed since, and namespaces that are new. */
  reload(): Promise<LoadedHandlers>;
  /** Stops claiming, finishes or hands over what runs, flushes results, stops everything. Idempotent. */
  stop(): Promise<void>;
}

/** Starts a host; what was started when a step fails is taken down again. @throws TaskerError of the part that failed. */
export async function startHost(options: HostOptions): Promise<Host> {
  await using parts = new AsyncDisposableStack();
  const { clock, logger } = options;
  const { config } = options.loaded;
  refuseOpenApi(options.loaded);
  const workerId = uuidv7(clock.now());

  const opened = parts.use(await openDatabase({ ...options, config: config.database }));
  const migrations = await opened.database.session(async (client) => {
    const found = await migrationStatus(client);
    if (found.pending.length > 0) options.onProgress(`Migrating the database (${found.pending.length} files)…`);
    await migrate(client);
    return found;
  });
  const metrics = new Metrics();
  const events = new InProcessEventSystem();
  options.subscribe?.(new EventSubscriber(events, clock));
  const { registry, store, grants } = buildRegistry(config, {
    database: opened.database,
    databaseKind: opened.kind,
    clock,
    logger,
  });
  const worker = buildWorker({
    config,
    database: opened.database,
    events,
    registry,
    metrics,
    clock,
    logger,
    workerId,
    hostVersion: HOST_VERSION,
  });
  watchCircuit(opened.database, metrics, worker);
  const pools = new NamespacePools({
    database: opened.database,
    coordinator: worker.coordinator,
    only: config.stepProcessing.namespaces,
    logger,
  });
  const watch = new RegistryWatch({
    database: opened.database,
    store,
    grants,
    onNamespaces: (namespaces) => pools.serve(namespaces),
    pollIntervalMs: config.registry.pollIntervalSeconds * 1_000,
    clock,
    logger,
  });
  const status: HostParts = { opened, migrations, worker, store, pools, watch, walls: [], handlers: undefined };
  const view = new HostStatus({ workerId: `worker_${workerId}`, version: HOST_VERSION }, options.loaded, status, clock);

  // Before the slow parts: health answers while handlers load, and a busy port is found out at once.
  const http = parts.use(buildHttp(options, view, opened, metrics, registry));
  await http.start();

  if (config.sandbox.isolation === "process") {
    status.walls = await wallsInForce();
    refuseMissingWalls(status.walls, config.sandbox.require);
    await requireCallDepth(config.sandbox.limits.maxCallDepth);
  }
  const handlers = await load(options, opened, registry, events);
  status.handlers = handlers;
  if (config.orchestrationApi.mode === "external") await ensureOrchestrationQueues(opened.database);
  await serveNamespaces(config, opened, pools, handlers);

  // From here on the parts end side by side: a stop turns readiness red and ends claims before it waits for anything.
  const running = parts.use(new ServiceGroup());
  running.add(worker);
  const wanted = options.interrupted?.aborted !== true;
  if (wanted) await worker.start();
  await running.add(watch).start();
  if (config.messaging.notifyEnabled) {
    const wake = (): void => worker.coordinator.wake();
    const lookAtLeases = (): void => worker.leasesOffered();
    const changed = (): void => watch.changed();
    const channels = { [WAKE_CHANNEL]: wake, [LEASES_CHANNEL]: lookAtLeases, [REGISTRY_CHANNEL]: changed };
    opened.database.listen(channels, () => {
      wake();
      lookAtLeases();
      changed();
    });
  }
  if (wanted && config.orchestrationApi.mode === "embedded") {
    const loop = new OrchestrationLoop({
      wakeDueSteps: (limit) => wakeDueSteps(opened.database, limit),
      adoptSteps: (limit) => adoptSteps(opened.database, limit, retryRules(config)),
      clock,
      logger,
    });
    await running.add(loop).start();
  }
  const retention = buildRetention({ config, database: opened.database, clock, logger });
  if (wanted && retention !== undefined) await running.add(retention).start();

  const kept = parts.move();
  const stop = (): Promise<void> => kept.disposeAsync();
  const reload = async (): Promise<LoadedHandlers> => {
    const loaded = await load(options, opened, registry, events);
    status.handlers = loaded;
    await serveNamespaces(config, opened, pools, loaded);
    return loaded;
  };
  return {
    url: http.url ?? "",
    view,
    opened,
    migrations,
    handlers,
    registry,
    reload,
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

/** Shows the circuit breaker; when it closes, lets others hear from this host at once, and claims. */
function watchCircuit({ circuit }: Database, metrics: Metrics, worker: WorkerCore): void {
  let wasOpen = false;
  circuit.onChange((state) => {
    metrics.databaseCircuit.set({ closed: 0, "half-open": 1, open: 2 }[state]);
    if (state === "open" && !wasOpen) metrics.databaseCircuitOpened.inc();
    wasOpen = state !== "closed";
    if (state !== "closed") return;
    worker.session.beat();
    worker.coordinator.wake();
  });
}

function buildHttp(
  options: HostOptions,
  host: HostView,
  { database }: OpenedDatabase,
  metrics: Metrics,
  registry: HandlerRegistry,
): HttpServer {
  const { config } = options.loaded;
  const app = createApp({
    host,
    database,
    registry,
    authenticator: buildAuthenticator(config, { database, clock: options.clock, logger: options.logger }),
    onTurnedAway: (code) => metrics.requestsTurnedAway.inc({ code }),
    metrics: config.healthMonitoring.metricsCollectionEnabled ? metrics : undefined,
    clock: options.clock,
    logger: options.logger,
    settings: {
      maxBodyBytes: config.web.maxBodyBytes,
      requestTimeoutSeconds: config.web.requestTimeoutSeconds,
      allowedHosts: isLoopback(hostOf(config.web.bindAddress)) ? config.web.allowedHosts : undefined,
      corsOrigins: config.web.corsEnabled ? config.web.corsOrigins : [],
      rateLimit: { requests: config.web.rateLimitRequests, windowSeconds: config.web.rateLimitWindowSeconds },
      metricsPublic: config.auth.metricsPublic,
      maxContextBytes: config.stepProcessing.maxContextBytes,
      uploads: {
        maxComponentBytes: config.sandbox.prepare.maxComponentBytes,
        maxSourceMapBytes: config.registry.maxSourceMapBytes,
        bodySeconds: config.registry.uploadTimeoutSeconds,
        // Its own preparation, and that of those before it in the line.
        requestSeconds: config.registry.uploadTimeoutSeconds + 10 * config.sandbox.prepare.timeoutSeconds,
      },
    },
  });
  return createHttpServer({
    app,
    bindAddress: config.web.bindAddress,
    maxConnections: config.web.maxConnections,
  });
}

const NO_HANDLERS: LoadedHandlers = { namespaces: [], components: [], templates: [], problems: [] };

async function load(
  { loaded: { config }, handlersDir, onProgress }: HostOptions,
  { database }: OpenedDatabase,
  handlers: HandlerRegistry,
  events: InProcessEventSystem,
): Promise<LoadedHandlers> {
  if (handlersDir === undefined) return NO_HANDLERS;
  return loadHandlers(handlersDir, {
    handlers,
    templates: new TaskTemplateRegistry((template) => registerTemplate(database, localActor(), template)),
    nativeCallables: events.nativeCallables,
    retryDefaults: retryDefaults(config),
    allowUnknownHandlers: config.orchestrationApi.mode === "external",
    onFile: (path) => onProgress(`Loading ${relative(process.cwd(), path)}…`),
  });
}

/** Pools for the configured namespaces, or for all that have templates or handlers. */
async function serveNamespaces(
  config: HostConfig,
  opened: OpenedDatabase,
  pools: NamespacePools,
  handlers: LoadedHandlers,
): Promise<void> {
  const registered = (await registeredTemplates(opened.database)).map(({ namespace }) => namespace);
  await pools.serve([...config.stepProcessing.namespaces, ...handlers.namespaces, ...registered]);
}

function retryDefaults({ stepProcessing }: HostConfig): RetryPolicy {
  return {
    retryable: true,
    maxAttempts: stepProcessing.maxRetries,
    backoff: "exponential",
    backoffBaseMs: stepProcessing.retryBackoffBaseSeconds * 1_000,
    maxBackoffMs: stepProcessing.retryBackoffMaxSeconds * 1_000,
  };
}
