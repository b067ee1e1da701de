/** What every sandbox does, whatever it is made of. Each outcome that a guest can bring about is brought about once. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { silentLogger } from "../../src/core/logger.ts";
import {
  type Artifact,
  createInlineSandbox,
  createProcessSandbox,
  type Outcome,
  type RunLimits,
  type RunReport,
  type Sandbox,
  type StepContext,
} from "../../src/runtime/index.ts";
import { prepareHere, request } from "./support/runs.ts";
import {
  ECHO,
  EMPTY_SUCCESS,
  IMPORT_ABORT,
  IMPORT_LOG,
  success,
  type WatGuest,
  watComponent,
  words,
} from "./support/wat-component.ts";

const SANDBOXES: readonly { readonly name: string; readonly create: () => Sandbox }[] = [
  { name: "inline", create: createInlineSandbox },
  {
    name: "process",
    create: () =>
      createProcessSandbox({
        namespace: "test",
        maxProcesses: 1,
        idleStopMs: 60_000,
        maxResidentBytes: 1_073_741_824,
        logger: silentLogger,
      }),
  },
];

const GUESTS = {
  echo: { handle: ECHO },
  "echo in UTF-16": {
    handle: ECHO.replace("(i32.const 1200)", "(i32.const 1210)"),
    encoding: "utf16",
  },
  "a loop": { handle: `(loop $again (br $again)) unreachable` },
  "a loop in post-return": { handle: EMPTY_SUCCESS, postReturn: `(loop $again (br $again))` },
  "a loop in the start function": {
    handle: EMPTY_SUCCESS,
    fields: `(global $armed (mut i32) (i32.const 0)) (func $start (loop $again (br $again)))`,
  },
  "a trap": { handle: `unreachable` },
  "an access out of bounds": { handle: `(i32.load (i32.const -4))` },
  recursion: {
    handle: `(call $down (i32.const 0))`,
    fields: `(func $down (param i32) (result i32) (i32.add (call $down (local.get 0)) (i32.const 1)))`,
  },
  "growth that is demanded": {
    handle: `(loop $more (br_if $more (i32.ne (memory.grow (i32.const 16)) (i32.const -1)))) unreachable`,
  },
  "growth that is refused and survived": {
    handle: `(drop (memory.grow (i32.const 60000))) ${EMPTY_SUCCESS}`,
  },
  "one growth, then a trap": { handle: `(drop (memory.grow (i32.const 16))) unreachable` },
  "a table that grows": {
    handle: `(loop $more (br_if $more (i32.ne (table.grow $t (ref.null func) (i32.const 10000)) (i32.const -1)))) unreachable`,
    fields: `(table $t 1 funcref)`,
  },
  "a result out of range": { handle: success("(i32.const 0x7fffff00)", "(i32.const 16)") },
  "a pointer that is not aligned": { handle: `(i32.const 2049)` },
  "an outcome pointer out of range": { handle: `(i32.const 0x7ffffff0)` },
  "a discriminant that does not exist": {
    handle: `(i32.store8 (i32.const 2048) (i32.const 3)) (i32.const 2048)`,
  },
  "bytes that are not UTF-8": {
    handle: success("(i32.const 3000)", "(i32.const 4)"),
    fields: `(data (i32.const 3000) "\\22\\c3\\28\\22")`,
  },
  "a lone surrogate in UTF-16": {
    handle: success("(i32.const 3000)", "(i32.const 3)").replace("(i32.const 1200)", "(i32.const 1210)"),
    fields: `(data (i32.const 3000) "\\22\\00\\00\\d8\\22\\00")`,
    encoding: "utf16",
  },
  "text that is not JSON": {
    handle: success("(i32.const 3000)", "(i32.const 3)"),
    fields: `(data (i32.const 3000) "{a}")`,
  },
  "U+0000 in a result": {
    handle: success("(i32.const 3000)", "(i32.const 8)"),
    fields: `(data (i32.const 3000) "\\22\\5cu0000\\22")`,
  },
  "a result that is too large": { handle: success("(i32.const 0)", "(i32.const 200000)") },
  "a million attributes at one place": {
    handle: `${EMPTY_SUCCESS} drop (i32.store (i32.const 2072) (i32.const 0)) (i32.store (i32.const 2076) (i32.const 16000)) (i32.const 2048)`,
  },
  "a realloc that lies high": { handle: EMPTY_SUCCESS, realloc: `(i32.const 0x7ffffff0)` },
  "a realloc that lies crooked": { handle: EMPTY_SUCCESS, realloc: `(i32.const 9001)` },
  "a realloc that loops": { handle: EMPTY_SUCCESS, realloc: `(loop $again (br $again)) unreachable` },
  "a failure": {
    handle: `(i32.const 4096)`,
    fields: `
      (data (i32.const 4096) "\\01\\00\\00\\00\\00\\00\\00\\00${words(4300, 4, 4310, 9, 1, 4320, 3)}")
      (data (i32.const 4132) "\\01\\00\\01\\00\\f7\\01")
      (data (i32.const 4144) "\\01\\00\\00\\00\\00\\00\\00\\00\\dc\\05\\00\\00\\00\\00\\00\\00${words(1200, 2, 4400, 2)}")
      (data (i32.const 4300) "oops") (data (i32.const 4310) "TestError") (data (i32.const 4320) "E42")
      (data (i32.const 4400) "${words(4440, 5, 4450, 64, 4520, 1, 4530, 1)}")
      (data (i32.const 4440) "stack") (data (i32.const 4450) "    at pay (componentize-qjs:user.js:3:7)\\0a    at h (u.js:9:2)\\0a ") (data (i32.const 4520) "k") (data (i32.const 4530) "v")`,
  },
  "an abort": {
    imports: IMPORT_ABORT,
    handle: `(call $abort (i32.const 3000) (i32.const 6) (i32.const 3010) (i32.const 4) (i32.const 7) (i32.const 9)) unreachable`,
    fields: `(data (i32.const 3000) "no way") (data (i32.const 3010) "h.ts")`,
  },
  "an abort that is caught": {
    imports: IMPORT_ABORT,
    handle: `(block $caught (try_table (catch_all $caught) (call $abort (i32.const 3000) (i32.const 6) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)))) ${EMPTY_SUCCESS}`,
    fields: `(data (i32.const 3000) "no way")`,
  },
  "a log line": {
    imports: IMPORT_LOG,
    handle: `(call $log (i32.const 3) (i32.const 3000) (i32.const 2) (i32.const 1200) (i32.const 2)) ${EMPTY_SUCCESS}`,
    fields: `(data (i32.const 3000) "hi")`,
  },
  "too much log": {
    imports: IMPORT_LOG,
    handle: `(loop $again (call $log (i32.const 2) (i32.const 0) (i32.const 8000) (i32.const 1200) (i32.const 2)) (br $again)) unreachable`,
  },
  "too many host calls": {
    imports: IMPORT_LOG,
    handle: `(loop $again (call $log (i32.const 2) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)) (br $again)) unreachable`,
  },
  "a host call with a bad pointer": {
    imports: IMPORT_LOG,
    handle: `(call $log (i32.const 2) (i32.const 0x7fffffff) (i32.const 8) (i32.const 0) (i32.const 0)) ${EMPTY_SUCCESS}`,
  },
  "a log level that does not exist": {
    imports: IMPORT_LOG,
    handle: `(call $log (i32.const 9) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)) ${EMPTY_SUCCESS}`,
  },
  "a checkpoint": {
    handle: `(i32.const 4096)`,
    fields: `
      (data (i32.const 4096) "\\02\\00\\00\\00\\00\\00\\00\\00${words(4300, 8, 5, 0, 1, 1200, 2)}")
      (data (i32.const 4300) "{\\22at\\22:5}")`,
  },
  /** Counts in memory, in a global and in a table: all must be as new in the next run. */
  residue: {
    handle: `
      (i32.store (i32.const 5000) (i32.add (i32.load (i32.const 5000)) (i32.const 1)))
      (global.set $count (i32.add (global.get $count) (i32.const 1)))
      (if (ref.is_null (table.get $t (i32.const 0))) (then (table.set $t (i32.const 0) (ref.func $f))) (else unreachable))
      (i32.store8 (i32.const 3000) (i32.add (i32.const 48) (i32.load (i32.const 5000))))
      (i32.store8 (i32.const 3001) (i32.add (i32.const 48) (global.get $count)))
      (memory.fill (i32.const 100000) (i32.const 0xff) (i32.const 50000))
      ${success("(i32.const 3000)", "(i32.const 2)")}`,
    fields: `(global $count (mut i32) (i32.const 0)) (table $t 1 funcref) (func $f) (elem declare func $f)`,
  },
} as const satisfies Record<string, WatGuest>;

type GuestName = keyof typeof GUESTS;
const artifacts = new Map<GuestName, Promise<Artifact>>();

function artifactOf(name: GuestName): Promise<Artifact> {
  const known = artifacts.get(name);
  if (known !== undefined) return known;
  const made = watComponent(GUESTS[name]).then(prepareHere);
  artifacts.set(name, made);
  return made;
}

describe.each(SANDBOXES)("a sandbox ($name)", ({ name: kind, create }) => {
  let sandbox: Sandbox;
  beforeAll(async () => {
    sandbox = create();
    await sandbox.start();
  });
  afterAll(() => sandbox.stop());

  async function run(
    guest: GuestName,
    changes: { context?: Partial<StepContext>; limits?: Partial<RunLimits>; sourceMap?: string } = {},
  ): Promise<RunReport> {
    return sandbox.run(request(await artifactOf(guest), changes));
  }

  it.each([
    ["large integers", '{"n":9007199254740993,"text":"ü 😀"}'],
    ["null", "null"],
    ["300 kB of text", `"${"€".repeat(100_000)}"`],
    ["odd characters", '"\\u2028 \u2028 \uFFFD \uD83D\uDE00"'],
  ])("carries %s through the guest and back in both encodings", async (_, contextJson) => {
    for (const guest of ["echo", "echo in UTF-16"] as const) {
      const { outcome } = await run(guest, { context: { contextJson } });
      expect(outcome).toEqual({
        kind: "success",
        resultJson: contextJson,
        metadataJson: guest === "echo" ? "{}" : "{}",
        attributes: [],
      });
    }
  });

  it("charges the same fuel for the same step every time, and reports the memory that it had", async () => {
    const reports = await Promise.all(Array.from({ length: 20 }, () => run("echo")));
    expect(new Set(reports.map(({ usage }) => usage.fuelUsed)).size).toBe(1);
    expect(reports[0]?.usage.fuelUsed).toBeGreaterThan(100);
    expect(reports[0]?.usage.peakMemoryBytes).toBeGreaterThanOrEqual(4 * 65_536);
  });

  const outcomes: readonly (readonly [GuestName, Partial<RunLimits>, Partial<Outcome>])[] = [
    ["a loop", { fuel: 10_000 }, { kind: "out-of-fuel", limit: 10_000 }],
    ["a loop in post-return", { fuel: 10_000 }, { kind: "out-of-fuel", limit: 10_000 }],
    ["a realloc that loops", { fuel: 10_000 }, { kind: "out-of-fuel", limit: 10_000 }],
    ["a trap", {}, { kind: "trap", phase: "call" }],
    ["an access out of bounds", {}, { kind: "trap", phase: "call" }],
    ["recursion", {}, { kind: "stack-exhausted" }],
    ["growth that is demanded", {}, { kind: "memory-exceeded", limit: 16_777_216 }],
    ["a table that grows", {}, { kind: "memory-exceeded", limit: 16_777_216 }],
    ["growth that is refused and survived", {}, { kind: "success", resultJson: "{}" }],
    ["echo", { maxMemoryBytes: 100_000 }, { kind: "memory-exceeded", limit: 100_000 }],
    ["a result out of range", {}, { kind: "invalid-result" }],
    ["a pointer that is not aligned", {}, { kind: "invalid-result" }],
    ["an outcome pointer out of range", {}, { kind: "invalid-result" }],
    ["a discriminant that does not exist", {}, { kind: "invalid-result" }],
    ["bytes that are not UTF-8", {}, { kind: "invalid-result" }],
    ["a lone surrogate in UTF-16", {}, { kind: "invalid-result" }],
    ["text that is not JSON", {}, { kind: "invalid-result" }],
    ["U+0000 in a result", {}, { kind: "invalid-result" }],
    ["a realloc that lies high", {}, { kind: "invalid-result" }],
    ["a realloc that lies crooked", {}, { kind: "invalid-result" }],
    [
      "a result that is too large",
      { maxResultBytes: 1_000 },
      { kind: "output-exceeded", what: "result", limit: 1_000 },
    ],
    ["a million attributes at one place", { maxResultBytes: 1_000 }, { kind: "output-exceeded", what: "result" }],
    ["too much log", {}, { kind: "output-exceeded", what: "log", limit: 65_536 }],
    ["too many host calls", { maxHostCalls: 50 }, { kind: "output-exceeded", what: "host-calls", limit: 50 }],
    ["an abort", { maxErrorBytes: 5 }, { kind: "output-exceeded", what: "error", limit: 5 }],
    ["a failure", { maxErrorBytes: 10 }, { kind: "output-exceeded", what: "error", limit: 10 }],
    ["a host call with a bad pointer", {}, { kind: "trap", phase: "call" }],
    ["a log level that does not exist", {}, { kind: "trap", phase: "call" }],
  ];
  it.each(outcomes)("answers %s within %j with %j", async (guest, limits, expected) => {
    const { outcome } = await run(guest, { limits });
    expect(outcome).toMatchObject(expected);
  });

  it("charges the whole budget where fuel ran out", async () => {
    const { usage } = await run("a loop", { limits: { fuel: 12_345 } });
    expect(usage.fuelUsed).toBe(12_345);
  });

  it("passes a failure on with all its members, the engine's stack as mapped frames", async () => {
    const { outcome } = await run("a failure", { sourceMap: SOURCE_MAP });
    expect(outcome).toEqual({
      kind: "failure",
      message: "oops",
      errorType: "TestError",
      errorCode: "E42",
      retryable: true,
      statusCode: 503,
      retryAfterMs: 1_500,
      contextJson: "{}",
      attributes: [["k", "v"]],
      backtrace: ["pay (pay.ts:1:1)", "h (u.js:9:2)"],
    });
  });

  it("makes a failure of an abort, caught or not", async () => {
    const thrown = { kind: "failure", message: "no way", errorType: "handler_error", retryable: true };
    expect((await run("an abort")).outcome).toMatchObject({ ...thrown, backtrace: ["(h.ts:7:9)"] });
    expect((await run("an abort that is caught")).outcome).toMatchObject(thrown);
  });

  it("passes a checkpoint on", async () => {
    expect((await run("a checkpoint")).outcome).toEqual({
      kind: "checkpoint-yield",
      cursorJson: '{"at":5}',
      itemsProcessed: 5,
      accumulatedJson: "{}",
    });
  });

  it("keeps the log lines of a run with its report", async () => {
    const { logs } = await run("a log line");
    expect(logs).toEqual([{ level: "warn", message: "hi", fieldsJson: "{}" }]);
  });

  it("shows a run nothing of the runs before it: memory, globals and tables are as new", async () => {
    const reports = await Promise.all(Array.from({ length: 10 }, () => run("residue")));
    expect(
      new Set(reports.map(({ outcome }) => (outcome.kind === "success" ? outcome.resultJson : outcome.kind))),
    ).toEqual(new Set(["11"]));
  });

  it("gives a run its own budgets, whatever the run before it left of them", async () => {
    const quiet = await run("one growth, then a trap");
    const refused = await run("one growth, then a trap", { limits: { maxMemoryBytes: 300_000 } });
    const starved = await run("one growth, then a trap", { limits: { fuel: 1 } });
    expect([quiet, refused, starved].map(({ outcome }) => outcome.kind)).toEqual([
      "trap",
      "memory-exceeded",
      "out-of-fuel",
    ]);
    const again = await run("one growth, then a trap");
    expect({ outcome: again.outcome, fuel: again.usage.fuelUsed, bytes: again.usage.peakMemoryBytes }).toEqual({
      outcome: quiet.outcome,
      fuel: quiet.usage.fuelUsed,
      bytes: quiet.usage.peakMemoryBytes,
    });
  });

  it("runs the next step after any of these", async () => {
    expect((await run("echo")).outcome.kind).toBe("success");
  });

  it.skipIf(kind === "inline")("ends a step at its deadline [inline: nothing can interrupt it]", async () => {
    const { outcome } = await run("a loop", { limits: { fuel: 100_000_000_000_000, timeoutMs: 200 } });
    expect(outcome).toEqual({ kind: "timeout", limitMs: 200 });
  });

  it("refuses a run after its stop, and stops twice", async () => {
    const other = create();
    await other.start();
    await other.stop();
    await other.stop();
    await expect(other.run(request(await artifactOf("echo")))).rejects.toMatchObject({ code: "TSK_SANDBOX_STOPPED" });
  });
});

/** Line 3 of the generated file, from column 0 on, is line 1 of `pay.ts`. */
const SOURCE_MAP = JSON.stringify({ version: 3, sources: ["pay.ts"], names: [], mappings: ";;AAAA" });
