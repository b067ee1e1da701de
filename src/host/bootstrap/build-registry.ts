import { resolve } from "node:path";
import type { Clock } from "../../core/clock.ts";
import type { Logger } from "../../core/logger.ts";
import { FUEL_SCHEDULE_ID, prepareComponent, PREPARER_VERSION } from "../../runtime/index.ts";
import { localActor } from "../cli/local-actor.ts";
import type { HostConfig } from "../config/schema.ts";
import type { Database } from "../database/connection.ts";
import type { GrantLimits } from "../domain/grants.ts";
import { ArtifactCache } from "../registry/artifact-cache.ts";
import { ComponentStore, type Preparer } from "../registry/component-store.ts";
import { HandlerRegistry } from "../registry/handler-registry.ts";
import { NamespaceGrants } from "../registry/namespace-grants.ts";
import type { OpenedDatabase } from "./open-database.ts";

/** What the host knows of handlers, and where it keeps them. */
export interface RegistryParts {
  readonly store: ComponentStore;
  readonly grants: NamespaceGrants;
  readonly registry: HandlerRegistry;
}

/** Builds the registry from its parts; nothing is read before it is asked. */
export function buildRegistry(
  config: HostConfig,
  deps: {
    readonly database: Database;
    readonly databaseKind: OpenedDatabase["kind"];
    readonly clock: Clock;
    readonly logger: Logger;
  },
): RegistryParts {
  const { database } = deps;
  const { registry: settings } = config;
  const store = new ComponentStore({
    database,
    cache: new ArtifactCache({ ...deps, folder: resolve(settings.cacheDir), maxBytes: settings.cacheMaxBytes }),
    preparer: preparer(config),
    maxLoaded: settings.maxLoadedComponents,
    maxPreparing: settings.maxPreparing,
    logger: deps.logger,
  });
  const grants = new NamespaceGrants({
    database,
    defaultCapabilities: config.grants.defaultCapabilities,
    defaultLimits: defaultLimits(config),
    ceilings: ceilings(config),
    capabilityCeiling: config.grants.ceilings.capabilities,
  });
  const registry = new HandlerRegistry({
    database,
    store,
    grants,
    maxUploads: settings.maxUploads,
    hostActor: localActor(),
    replaceVersions: mayReplace(settings.replaceVersions, deps.databaseKind),
  });
  return { store, grants, registry };
}

function mayReplace(where: HostConfig["registry"]["replaceVersions"], kind: OpenedDatabase["kind"]): boolean {
  switch (where) {
    case "never":
      return false;
    case "embedded":
      return kind === "embedded";
    case "always":
      return true;
    default:
      return where satisfies never;
  }
}

function preparer({ sandbox: { prepare } }: HostConfig): Preparer {
  const { timeoutSeconds, ...limits } = prepare;
  return {
    preparerVersion: PREPARER_VERSION,
    fuelScheduleId: FUEL_SCHEDULE_ID,
    prepare: (bytes) => prepareComponent(bytes, { ...limits, timeoutMs: timeoutSeconds * 1_000 }),
  };
}

function ceilings({ grants: { ceilings: most } }: HostConfig): Required<GrantLimits> {
  return {
    fuel: most.fuel,
    max_memory_bytes: most.maxMemoryBytes,
    deadline_ms: most.deadlineSeconds * 1_000,
    max_payload_bytes: most.maxPayloadBytes,
    max_result_bytes: most.maxResultBytes,
    max_log_bytes: most.maxLogBytes,
  };
}

/** Deadlines are the templates' business, and payloads that of `max_context_bytes`: only ceilings hold for those. */
function defaultLimits(config: HostConfig): Required<GrantLimits> {
  const { limits } = config.sandbox;
  return {
    ...ceilings(config),
    fuel: limits.fuel,
    max_memory_bytes: limits.maxMemoryBytes,
    max_result_bytes: limits.maxResultBytes,
    max_log_bytes: limits.maxLogBytes,
  };
}
