import { hostname } from "node:os";
import type { Clock } from "../../core/clock.ts";
import type { Logger } from "../../core/logger.ts";
import { createInlineSandbox, createProcessSandbox, type Sandbox } from "../../runtime/index.ts";
import type { HostConfig } from "../config/schema.ts";
import { type ClaimRequest, claimSteps, takeOverSteps } from "../database/claim-steps.ts";
import type { Database } from "../database/connection.ts";
import { lastServerOf, serveLate } from "../database/handler-versions.ts";
import { checkpointSteps, moveLeases, type OfferedAs, reconcileLeases, releaseLeases } from "../database/leases.ts";
import { reportStepsEmbedded, reportStepsExternal } from "../database/report-steps.ts";
import { closeSession, heartbeat, openSession } from "../database/sessions.ts";
import type { ClaimedStep, RetryRules } from "../database/steps.ts";
import { EventPublisher } from "../events/event-publisher.ts";
import type { InProcessEventSystem } from "../events/in-process-event-system.ts";
import { queueDepths } from "../messaging/step-queues.ts";
import type { Metrics } from "../observability/metrics.ts";
import type { HandlerRegistry } from "../registry/handler-registry.ts";
import { WorkerLoopCoordinator } from "../worker/coordinator.ts";
import { WorkerCore } from "../worker/core.ts";
import { WorkerExecutorPool } from "../worker/executor-pool.ts";
import { WorkerExecutor } from "../worker/executor.ts";
import { HostSession } from "../worker/host-session.ts";
import { NamespaceSandboxes } from "../worker/namespace-sandboxes.ts";
import { ResultReporter } from "../worker/result-reporter.ts";
import { StepCapacity } from "../worker/step-capacity.ts";
import { sandboxHandler } from "../worker/sandbox-handler.ts";
import { TakeOver } from "../worker/take-over.ts";

export interface WorkerDeps {
  readonly config: HostConfig;
  readonly database: Database;
  readonly events: InProcessEventSystem;
  readonly registry: HandlerRegistry;
  readonly metrics: Metrics;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly workerId: string;
  readonly hostVersion: string;
}

/** Builds the worker foundation from its parts; nothing runs before `start`. */
export function buildWorker(deps: WorkerDeps): WorkerCore {
  const { config, database, clock, logger, metrics } = deps;
  const { stepProcessing, executorPools } = config;

  const sandboxes = new NamespaceSandboxes((namespace) => createSandbox(namespace, deps));
  deps.events.subscribeSandbox(
    sandboxHandler({
      sandboxes,
      clock,
      limits: config.sandbox.limits,
      load: (namespace, digest) => deps.registry.load(namespace, digest),
      grants: (namespace) => deps.registry.grants.of(namespace),
    }),
  );

  const session = buildSession(deps, {
    onBeat: () => takeOver.run(),
    held: () => coordinator.pools.flatMap((pool) => pool.activeSteps),
  });
  const reporter = new ResultReporter({
    reportSteps: (reports) =>
      config.orchestrationApi.mode === "embedded"
        ? reportStepsEmbedded(database, session.id, reports, retryRules(config))
        : reportStepsExternal(database, session.id, reports),
    reachable: () => database.circuit.state === "closed",
    clock,
    logger,
    metrics,
    giveUp: async ({ stepUuid }) => {
      await releaseLeases(database, session.id, [stepUuid], "unreported");
    },
    maxBatchSize: executorPools.resultProcessorPool.maxBatchSize,
    flushIntervalMs: executorPools.resultProcessorPool.flushIntervalMs,
    persistenceTimeoutMs: persistenceTimeoutMs(config),
  });
  const executor = new WorkerExecutor({
    publisher: new EventPublisher(deps.events),
    reporter,
    saveCheckpoint: async ({ stepUuid, epoch }, checkpointJson) =>
      (await checkpointSteps(database, session.id, [{ stepUuid, epoch, checkpointJson }])).has(stepUuid),
    offerUnstarted: (step) => offer([step], "not_started"),
    serveLate: ({ stepUuid, epoch, callable }) => serveLate(database, session.id, { stepUuid, epoch, callable }),
    lastServer: ({ namespace, callable }) => lastServerOf(database, namespace, callable),
    componentFacts: (digest) => deps.registry.facts(digest),
    clock,
    logger,
    metrics,
    hydration: { defaultTimeoutMs: stepProcessing.defaultTimeoutSeconds * 1_000 },
    maxDependencyBytes: config.grants.ceilings.maxPayloadBytes,
    workerId: deps.workerId,
    workerHostname: hostname(),
  });
  // Nothing new while the database is in trouble, nor while results wait for it: those are work that is not done.
  const paused = (): boolean => database.circuit.state !== "closed" || reporter.stalled || reporter.full;
  const capacity = new StepCapacity(executorPools.stepExecutorPool.maxConcurrentSteps);
  const coordinator = buildCoordinator(deps, session, { paused, executor, capacity });
  const offer = async (steps: readonly ClaimedStep[], as: OfferedAs): Promise<void> => {
    const stepUuids = steps.map(({ stepUuid }) => stepUuid);
    await releaseLeases(database, session.id, stepUuids, as);
  };
  const takeOver = new TakeOver({
    coordinator,
    capacity,
    takeOverSteps: (namespaces, quantity) =>
      takeOverSteps(database, {
        session: session.id,
        namespaces,
        quantity,
        nativeCallables: nativeFirst(deps),
        maxDependencyBytes: config.grants.ceilings.maxPayloadBytes,
        mode: config.orchestrationApi.mode,
        retryRules: retryRules(config),
      }),
    reconcileLeases: (held, before) => reconcileLeases(database, session.id, held, before),
    offerUnstarted: (steps) => offer(steps, "not_started"),
    paused: () => paused() || !session.settled,
    clock,
    logger,
    metrics,
  });
  return new WorkerCore({
    session,
    coordinator,
    executor,
    reporter,
    sandboxes,
    takeOver,
    releaseLeases: offer,
    clock,
    logger,
    shutdownGraceMs: stepProcessing.shutdownGraceSeconds * 1_000,
    persistenceTimeoutMs: persistenceTimeoutMs(config),
  });
}

/** How long a stop goes on trying to tell a database that is away. */
function persistenceTimeoutMs({ executorPools }: HostConfig): number {
  return executorPools.resultProcessorPool.resultPersistenceTimeoutSeconds * 1_000;
}

function buildSession(
  { config, database, clock, logger, hostVersion }: WorkerDeps,
  { onBeat, held }: { readonly onBeat: () => Promise<void>; readonly held: () => readonly ClaimedStep[] },
): HostSession {
  const { claimTimeoutSeconds, heartbeatIntervalSeconds } = config.stepProcessing;
  return new HostSession({
    store: {
      openSession: (session) =>
        openSession(database, {
          session,
          hostName: hostname(),
          processId: process.pid,
          hostVersion,
          leaseMs: claimTimeoutSeconds * 1_000,
        }),
      heartbeat: (session) => heartbeat(database, session),
      closeSession: (session) => closeSession(database, session),
      moveLeases: async (from, to) => {
        const stepUuids = held().map(({ stepUuid }) => stepUuid);
        const steps = await moveLeases(database, from, to, stepUuids);
        logger.info({ steps, held: stepUuids.length }, "leases moved to the new session");
      },
    },
    clock,
    logger,
    heartbeatIntervalMs: heartbeatIntervalSeconds * 1_000,
    persistenceTimeoutMs: persistenceTimeoutMs(config),
    onBeat,
  });
}

interface PoolParts {
  readonly paused: () => boolean;
  readonly executor: WorkerExecutor;
  readonly capacity: StepCapacity;
}

function buildCoordinator(
  deps: WorkerDeps,
  session: HostSession,
  { paused, executor, capacity }: PoolParts,
): WorkerLoopCoordinator {
  const { config, database, clock, logger, metrics } = deps;
  const { stepExecutorPool } = config.executorPools;
  const claim = async (namespace: string, quantity: number): Promise<readonly ClaimedStep[]> => {
    const request: ClaimRequest = {
      session: session.id,
      namespace,
      quantity,
      nativeCallables: nativeFirst(deps),
      maxDependencyBytes: config.grants.ceilings.maxPayloadBytes,
      mode: config.orchestrationApi.mode,
    };
    const { steps, archived } = await claimSteps(database, request);
    for (const { reason, messageId, stepUuid } of archived) {
      metrics.messagesArchived.inc({ namespace, reason });
      logger.warn({ namespace, messageId, stepUuid, reason }, "message archived without running a step");
    }
    return steps;
  };
  return new WorkerLoopCoordinator({
    queueDepths: (namespaces) => queueDepths(database, namespaces),
    createPool: (namespace) =>
      new WorkerExecutorPool({
        namespace,
        claim,
        execute: (step) => executor.execute(step),
        paused,
        capacity,
        clock,
        logger,
        metrics,
        initialSlots: stepExecutorPool.initialPoolSize,
        maxSlots: stepExecutorPool.maxPoolSize,
        maxBatchSize: config.stepProcessing.claimBatchSize,
        pollIntervalMs: config.messaging.pollIntervalMs,
      }),
    clock,
    logger,
    metrics,
    scaling: {
      initialSlots: stepExecutorPool.initialPoolSize,
      scaleUpThreshold: stepExecutorPool.scaleUpThreshold,
      scaleDownThreshold: stepExecutorPool.scaleDownThreshold,
    },
    tickIntervalMs: config.healthMonitoring.healthCheckIntervalSeconds * 1_000,
  });
}

function createSandbox(namespace: string, { config, clock, logger }: WorkerDeps): Sandbox {
  const { sandbox } = config;
  if (sandbox.isolation === "inline") return createInlineSandbox();
  return createProcessSandbox({
    namespace,
    maxProcesses: sandbox.maxProcessesPerNamespace,
    idleStopMs: sandbox.idleStopSeconds * 1_000,
    maxResidentBytes: sandbox.maxProcessResidentBytes,
    maxCompileCpuMs: sandbox.maxCompileCpuSeconds * 1_000,
    logger,
    clock,
  });
}

/** Callables that claims leave to native handlers even where a component is active. */
function nativeFirst({ config, events }: WorkerDeps): readonly string[] {
  return config.stepProcessing.nativeHandlersWin ? events.nativeCallables : [];
}

/** The waits before retries where a template says nothing. */
export function retryRules({ stepProcessing }: HostConfig): RetryRules {
  return {
    baseMs: stepProcessing.retryBackoffBaseSeconds * 1_000,
    multiplier: stepProcessing.retryBackoffMultiplier,
    maxMs: stepProcessing.retryBackoffMaxSeconds * 1_000,
    jitter: stepProcessing.retryJitter,
  };
}
