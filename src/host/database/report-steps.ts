import type pg from "pg";
import { TaskerError } from "../../core/errors/index.ts";
import { rulesJson } from "./claim-steps.ts";
import type { Database } from "./connection.ts";
import { isLastingRefusal, isOfSchema } from "./database-error.ts";
import type { RetryRules, StepReport, StepVerdict } from "./steps.ts";

interface VerdictRow {
  readonly step_uuid: string;
  readonly verdict: "recorded" | "stale" | "refused";
  readonly sqlstate: string | null;
  readonly message: string | null;
}

const EMBEDDED = "select * from tasker_host.report_steps_embedded($1, $2, $3, $4, $5, $6, $7, $8)";
const EXTERNAL = "select * from tasker_host.report_steps_external($1, $2, $3, $4, $5)";

/**
 * Records results and orchestrates in one transaction, one round trip: completes steps or lets them wait, enqueues what
 * became ready, finalizes tasks. One verdict a report; a result that Postgres refuses never fails the others.
 */
export function reportStepsEmbedded(
  database: Database,
  session: string,
  reports: readonly StepReport[],
  retryRules: RetryRules,
): Promise<readonly StepVerdict[]> {
  const rules = rulesJson(retryRules);
  return bisected(reports, (batch) =>
    database.query<VerdictRow>("report_steps_embedded", EMBEDDED, [
      session,
      ...columns(batch),
      batch.map(({ retryable }) => retryable),
      batch.map(({ retryAfterMs }) => (retryAfterMs === undefined ? null : Math.ceil(retryAfterMs))),
      rules,
    ]),
  );
}

/** Records results and tells the orchestrator by a message each, in one transaction, one round trip. */
export function reportStepsExternal(
  database: Database,
  session: string,
  reports: readonly StepReport[],
): Promise<readonly StepVerdict[]> {
  return bisected(reports, (batch) =>
    database.query<VerdictRow>("report_steps_external", EXTERNAL, [session, ...columns(batch)]),
  );
}

/** A report as it is sent; a result of null is one that Postgres refused. */
type SentReport = Omit<StepReport, "resultJson"> & { readonly resultJson: string | null };

function columns(batch: readonly SentReport[]): readonly unknown[] {
  return [
    batch.map(({ stepUuid }) => stepUuid),
    batch.map(({ epoch }) => epoch),
    batch.map(({ success }) => success),
    batch.map(({ resultJson }) => resultJson),
  ];
}

/**
 * The SQL function finds the results that are no `jsonb` by itself. What only shows when the row is sent or written (a value
 * that an index of the database cannot hold, or a trigger of somebody else's refuses) fails the statement: then the batch is
 * halved until the row is alone, and its step fails with what Postgres said. Where not even that can be written it is not the
 * result that Postgres does not take.
 */
async function bisected(
  reports: readonly StepReport[],
  send: (batch: readonly SentReport[]) => Promise<readonly VerdictRow[]>,
): Promise<readonly StepVerdict[]> {
  const [first] = reports;
  if (first === undefined) return [];
  try {
    return (await send(reports)).map(verdictOf);
  } catch (error) {
    if (!isLastingRefusal(error)) throw error;
    if (reports.length === 1) {
      const [row] = await send([{ ...first, resultJson: null }]).catch((refusal: unknown) => {
        throw isLastingRefusal(refusal) && isOfSchema(refusal) ? schemaUnusable(refusal) : refusal;
      });
      if (row?.verdict !== "refused") return row === undefined ? [] : [verdictOf(row)];
      return [verdictOf({ ...row, sqlstate: error.code ?? null, message: error.message })];
    }
    const middle = reports.length >> 1;
    const left = await bisected(reports.slice(0, middle), send);
    return [...left, ...(await bisected(reports.slice(middle), send))];
  }
}

/** Another attempt of the step would end the same way: the result waits until the schema is whole. */
function schemaUnusable(error: pg.DatabaseError): TaskerError {
  return new TaskerError("TSK_DATABASE_SCHEMA_UNUSABLE", {
    attempted: "Cannot report step results",
    found: `${error.code ?? ""}: ${error.message}`,
    cause: error,
  });
}

function verdictOf({ step_uuid: stepUuid, verdict, sqlstate, message }: VerdictRow): StepVerdict {
  if (verdict !== "refused") return { stepUuid, verdict };
  return { stepUuid, verdict, sqlstate: sqlstate ?? "", message: message ?? "" };
}
