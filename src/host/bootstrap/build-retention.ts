import type { Clock } from "../../core/clock.ts";
import type { Logger } from "../../core/logger.ts";
import { localActor } from "../cli/local-actor.ts";
import type { HostConfig } from "../config/schema.ts";
import type { Database } from "../database/connection.ts";
import { prune } from "../database/prune.ts";
import { prunesAnything, RetentionLoop } from "../orchestration/retention-loop.ts";
import { retentionTimes } from "./retention-times.ts";

export interface RetentionDeps {
  readonly config: HostConfig;
  readonly database: Database;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Deletes old rows in the background; undefined where the configuration keeps everything. */
export function buildRetention({ config, database, clock, logger }: RetentionDeps): RetentionLoop | undefined {
  const times = retentionTimes(config);
  if (!prunesAnything(times)) return undefined;
  const { batchSize, batchPauseMs: pauseMs, intervalSeconds } = config.retention;
  return new RetentionLoop({
    times,
    intervalMs: intervalSeconds * 1_000,
    prune: (before, signal) => prune({ database, before, actor: localActor(), batchSize, pauseMs, clock, signal }),
    clock,
    logger,
  });
}
