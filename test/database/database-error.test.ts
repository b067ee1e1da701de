import pg from "pg";
import { describe, expect, it } from "vitest";
import { databaseError, isLastingRefusal, isTrouble } from "../../src/host/database/database-error.ts";
import { testDatabase } from "../support/database.ts";
import { claimOne, createOne, register, report, session, SINGLE, success } from "./support/workflow.ts";

/** As Postgres sends it. */
function sent(code: string, fields: { readonly severity?: string; readonly file?: string } = {}): pg.DatabaseError {
  const error = new pg.DatabaseError("no", 2, "error");
  return Object.assign(error, { code, severity: fields.severity ?? "ERROR", file: fields.file });
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined;
}

describe("databaseError()", () => {
  it.each([
    ["25P03", {}, "TSK_DATABASE_UNREACHABLE"],
    ["25P04", {}, "TSK_DATABASE_UNREACHABLE"],
    ["XX000", { severity: "FATAL" }, "TSK_DATABASE_UNREACHABLE"],
    ["XX001", { severity: "PANIC" }, "TSK_DATABASE_UNREACHABLE"],
    ["54000", { file: "async.c" }, "TSK_DATABASE_EXHAUSTED"],
  ] as const)("takes %s %o for trouble of the server, after which a result is sent again", (code, fields, meaning) => {
    const known = databaseError(sent(code, fields), "Cannot run");
    expect(codeOf(known)).toBe(meaning);
    expect(isTrouble(known)).toBe(true);
    expect(isLastingRefusal(sent(code, fields))).toBe(false);
  });

  it.each([
    ["54000", { file: "nbtinsert.c" }],
    ["22P05", {}],
    ["23514", {}],
    ["P0001", {}],
    ["XX000", {}],
  ] as const)("leaves %s %o as it is: a refusal that lasts", (code, fields) => {
    expect(codeOf(databaseError(sent(code, fields), "Cannot run"))).toBe(code);
    expect(isLastingRefusal(sent(code, fields))).toBe(true);
  });

  it("leaves it to a person to read what keeps sessions from beginning", () => {
    for (const code of ["28P01", "3D000"]) {
      expect(codeOf(databaseError(sent(code, { severity: "FATAL" }), "Cannot run"))).toBe(code);
      expect(isLastingRefusal(sent(code, { severity: "FATAL" }))).toBe(false);
    }
  });

  it("knows the end of a session whose transaction took too long", async () => {
    await using test = await testDatabase({ migrated: false });
    const url = new URL(test.url);
    url.searchParams.set("options", "-c transaction_timeout=1000");
    const database = test.open({ address: { url: url.href }, maxConnections: 1 });
    await expect(database.query("sleep", "select pg_sleep(60)")).rejects.toMatchObject({
      code: "TSK_DATABASE_UNREACHABLE",
      cause: { code: "25P04" },
    });
    expect(await database.query("ping", "select 1 as up")).toEqual([{ up: 1 }]);
  });
});

describe("a report where a function of ours is missing", () => {
  it("costs no attempt: it says what is missing, and is taken when it is back", async () => {
    await using test = await testDatabase();
    const database = test.open();
    const admin = test.open({ address: { url: test.adminUrl }, maxConnections: 1 });
    await register(database, "single", SINGLE);
    const host = await session(database);
    await createOne(database, "single");
    const step = await claimOne(database, host);
    await admin.query("hide", "alter function tasker_host.record_results rename to hidden");
    await expect(report(database, host, [success(step)])).rejects.toMatchObject({
      code: "TSK_DATABASE_SCHEMA_UNUSABLE",
      message: expect.stringContaining("42883"),
    });
    await admin.query("show", "alter function tasker_host.hidden rename to record_results");
    expect(await report(database, host, [success(step)])).toEqual([{ stepUuid: step.stepUuid, verdict: "recorded" }]);
  });
});
