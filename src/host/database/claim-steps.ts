import type { Database } from "./connection.ts";
import { isLastingRefusal } from "./database-error.ts";
import type {
  ArchivedMessage,
  ArchiveReason,
  Claim,
  ClaimedStep,
  DependencyResult,
  RetryRules,
  TakenOver,
} from "./steps.ts";

export interface ClaimRequest {
  /** This host's session. */
  readonly session: string;
  readonly namespace: string;
  readonly quantity: number;
  /** Callables that a native handler serves even where a component is active. */
  readonly nativeCallables: readonly string[];
  /** Dependency results of more bytes are left out. */
  readonly maxDependencyBytes: number;
  /** Whose business a step is that cannot be claimed. */
  readonly mode: "embedded" | "external";
}

export interface TakeOverRequest {
  readonly session: string;
  readonly namespaces: readonly string[];
  readonly quantity: number;
  readonly nativeCallables: readonly string[];
  readonly maxDependencyBytes: number;
  /** Steps that may not run again end in error: in embedded mode they are orchestrated here, else reported to the orchestrator. */
  readonly mode: "embedded" | "external";
  readonly retryRules: RetryRules;
}

/** A row of `claim_steps` and `take_over_steps`. Members after `step_uuid` are null where the step was not leased. */
interface ClaimRow {
  readonly verdict: "claimed" | "archived" | "ended" | "locked";
  readonly reason: ArchiveReason | null;
  readonly msg_id: number | null;
  readonly step_uuid: string;
  readonly task_uuid: string;
  readonly epoch: number;
  readonly attempt: number;
  readonly max_attempts: number;
  readonly retryable: boolean;
  readonly namespace: string;
  readonly task_name: string;
  readonly task_version: string;
  readonly step_name: string;
  readonly template_step_name: string;
  readonly correlation_id: string;
  readonly parent_correlation_id: string | null;
  readonly callable: string;
  readonly method: string | null;
  readonly timeout_seconds: number | null;
  readonly digest: string | null;
  readonly context: string;
  readonly inputs: string;
  readonly config: string;
  readonly dependency_results: string | null;
  readonly dependency_bytes: number | null;
  readonly checkpoint: string | null;
  readonly priority: number;
}

const CLAIM = "select * from tasker_host.claim_steps($1, $2, $3, $4, $5, null)";
const CLAIM_OR_REJECT = "select * from tasker_host.claim_or_reject($1, $2, $3, $4, $5)";
const TAKE_OVER = "select * from tasker_host.take_over_steps($1, $2, $3, $4, $5, $6, $7)";

/**
 * Takes up to `quantity` messages of the namespace's queue and leases their steps to the session; one round trip. Where
 * Postgres refuses that for what is in one of them, it claims fewer and fewer, until the bad one is alone and is archived.
 *
 * @throws TSK_DATABASE_SESSION_ENDED where the session is not live: open a new one.
 */
export async function claimSteps(database: Database, request: ClaimRequest): Promise<Claim> {
  const { session, namespace, quantity, nativeCallables, maxDependencyBytes, mode } = request;
  try {
    const values = [session, namespace, quantity, nativeCallables, maxDependencyBytes];
    return claimOf(await database.query<ClaimRow>("claim_steps", CLAIM, values));
  } catch (error) {
    if (!isLastingRefusal(error)) throw error;
    if (quantity > 1) return claimSteps(database, { ...request, quantity: quantity >> 1 });
    const values = [session, namespace, nativeCallables, maxDependencyBytes, mode === "embedded"];
    return claimOf(await database.query<ClaimRow>("claim_or_reject", CLAIM_OR_REJECT, values));
  }
}

/**
 * Declares sessions dead whose heartbeat is overdue, and takes over steps of dead sessions and steps that were released;
 * one round trip. Steps that may not run again end in error. There may be more as long as steps came or ended.
 *
 * @throws TSK_DATABASE_SESSION_ENDED where the session is not live: open a new one.
 */
export async function takeOverSteps(database: Database, request: TakeOverRequest): Promise<TakenOver> {
  const { session, namespaces, quantity, nativeCallables, maxDependencyBytes, mode, retryRules } = request;
  const rules = rulesJson(retryRules);
  const values = [session, namespaces, quantity, nativeCallables, mode === "embedded", rules, maxDependencyBytes];
  const rows = await database.query<ClaimRow>("take_over_steps", TAKE_OVER, values);
  const count = (verdict: ClaimRow["verdict"]): number => rows.filter((row) => row.verdict === verdict).length;
  return { steps: claimOf(rows).steps, ended: count("ended"), locked: count("locked") };
}

/** The retry rules as the SQL functions read them. */
export function rulesJson({ baseMs, multiplier, maxMs, jitter }: RetryRules): string {
  return JSON.stringify({ base_ms: baseMs, multiplier, max_ms: maxMs, jitter });
}

function claimOf(rows: readonly ClaimRow[]): Claim {
  const steps: ClaimedStep[] = [];
  const archived: ArchivedMessage[] = [];
  for (const row of rows) {
    if (row.verdict === "claimed") steps.push(stepOf(row));
    if (row.verdict === "archived") archived.push(archivedOf(row));
  }
  return { steps, archived };
}

function archivedOf(row: ClaimRow): ArchivedMessage {
  return { messageId: row.msg_id ?? 0, stepUuid: row.step_uuid ?? undefined, reason: row.reason ?? "malformed" };
}

function stepOf(row: ClaimRow): ClaimedStep {
  return {
    stepUuid: row.step_uuid,
    taskUuid: row.task_uuid,
    epoch: row.epoch,
    attempt: row.attempt,
    maxAttempts: row.max_attempts,
    retryable: row.retryable,
    namespace: row.namespace,
    taskName: row.task_name,
    taskVersion: row.task_version,
    stepName: row.step_name,
    templateStepName: row.template_step_name,
    correlationId: row.correlation_id,
    parentCorrelationId: row.parent_correlation_id ?? undefined,
    callable: row.callable,
    method: row.method ?? undefined,
    timeoutSeconds: row.timeout_seconds ?? undefined,
    digest: row.digest ?? undefined,
    contextJson: row.context,
    inputsJson: row.inputs,
    configJson: row.config,
    dependencyResults: dependencyResults(row.dependency_results ?? "[]"),
    bytesLeftOut: row.dependency_bytes ?? undefined,
    checkpointJson: row.checkpoint ?? undefined,
    priority: row.priority,
  };
}

/** `[[step name, result as a JSON string], …]`, as `tasker_host.lease_steps` writes it: only strings are parsed here. */
function dependencyResults(text: string): readonly DependencyResult[] {
  if (text === "[]") return [];
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- our own SQL function wrote it
  const pairs = JSON.parse(text) as readonly (readonly [string, string])[];
  return pairs.map(([stepName, resultJson]) => ({ stepName, resultJson }));
}
