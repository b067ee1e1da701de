import type { HostConfig } from "../config/schema.ts";
import type { RetentionTimes } from "../orchestration/retention-loop.ts";

const DAY_MS = 86_400_000;

/** The configuration's days as times. */
export function retentionTimes({ retention }: HostConfig): RetentionTimes {
  return {
    finishedTasksMs: retention.finishedTasksDays * DAY_MS,
    queueArchivesMs: retention.queueArchivesDays * DAY_MS,
    leaseHistoryMs: retention.leaseHistoryDays * DAY_MS,
    auditMs: retention.auditDays * DAY_MS,
  };
}
