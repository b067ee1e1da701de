import { describe, expect, it } from "vitest";
import { hastyClock, runCommand } from "./support/run-command.ts";
import { scriptedApi } from "./support/scripted-api.ts";
import { type Moment, step, success, taskScript, TASK_UUID } from "./support/task-script.ts";

const AFTER_START = { depends_on: ["start"] };
const AFTER_BOTH = { depends_on: ["left", "right"] };
const BIG = '{"value":12345678901234567890}';

const DIAMOND: readonly Moment[] = [
  {
    status: "steps_in_process",
    steps: [
      step("end", "pending", AFTER_BOTH),
      step("start", "enqueued"),
      step("left", "pending", AFTER_START),
      step("right", "pending", AFTER_START),
    ],
  },
  {
    status: "steps_in_process",
    steps: [
      step("end", "pending", AFTER_BOTH),
      step("start", "complete", { results: success(BIG, 12) }),
      step("left", "in_progress", { ...AFTER_START, last_attempted_at: new Date(0).toISOString() }),
      step("right", "waiting_for_retry", {
        ...AFTER_START,
        results: {
          success: false,
          metadata: { execution_time_ms: 3 },
          error: { message: "the \u001b[31mgate\u001b[0m is shut" },
        },
        next_retry_at: new Date(60_000).toISOString(),
      }),
    ],
  },
  {
    status: "complete",
    steps: [
      step("end", "complete", { ...AFTER_BOTH, results: success("66.50", 2) }),
      step("start", "complete", { results: success(BIG, 12) }),
      step("left", "complete", { ...AFTER_START, results: success("61", 5) }),
      step("right", "complete", { ...AFTER_START, attempts: 2, results: success("72", 4) }),
    ],
  },
];

const BLOCKED: readonly Moment[] = [
  {
    status: "blocked_by_failures",
    steps: [
      step("start", "error", {
        results: {
          success: false,
          metadata: { execution_time_ms: 7, error_code: "OUT_OF_STOCK" },
          error: {
            message: "Item B-7 is out of stock\nsecond line \u001b[2J",
            error_type: "permanent_error",
            retryable: false,
            backtrace: ["reserve (handlers/reserve.ts:31:11)"],
          },
        },
      }),
      step("end", "pending", AFTER_START),
    ],
  },
];

describe("--follow into a pipe", () => {
  it("writes one line for each state change, in dependency order, and how it ended", async () => {
    await using api = await scriptedApi(taskScript(DIAMOND));
    const run = await runCommand(["submit", "flows/diamond", "--follow", "--url", api.url]);
    expect(run.stdout).toBe(`${TASK_UUID}  flows/diamond 1.0.0 submitted
+0 ms      start  enqueued
+100 ms    start  enqueued → complete  12 ms  {"value":12345678901234567890}
+100 ms    left  pending → in_progress  100 ms
+100 ms    right  pending → waiting_for_retry  3 ms  the \\u{1b}[31mgate\\u{1b}[0m is shut
+200 ms    left  in_progress → complete  5 ms  61
+200 ms    right  waiting_for_retry → complete  attempt 2/3  4 ms  72
+200 ms    end  pending → complete  2 ms  66.50
task complete in 1.5 s
`);
    expect(run).toMatchObject({ stderr: "", exitCode: 0 });
  });

  it("ends with 1 and the whole error where a step failed for good", async () => {
    await using api = await scriptedApi(taskScript(BLOCKED));
    const run = await runCommand(["task", "show", TASK_UUID, "--follow", "--url", api.url]);
    expect(run.exitCode).toBe(1);
    expect(run.stdout).toContain("task blocked by failures in 1.5 s\n");
    expect(run.stdout).toContain(" ✘ start  permanent_error, OUT_OF_STOCK, permanent, attempt 1 of 3\n");
    expect(run.stdout).toContain("   Item B-7 is out of stock\n   second line \\u{1b}[2J\n");
    expect(run.stdout).toContain("     at reserve (handlers/reserve.ts:31:11)\n");
    expect(run.stdout).not.toContain("\u001b");
  });

  it("dates nothing after the task's own end, however late it looks", async () => {
    const [queued, , complete] = DIAMOND;
    if (queued === undefined || complete === undefined) throw new Error("the diamond has three moments");
    const waits = Array.from({ length: 10 }, () => queued);
    await using api = await scriptedApi(taskScript([...waits, complete]));
    const clock = hastyClock();
    const { stdout } = await runCommand(["submit", "flows/diamond", "--follow", "--url", api.url], { clock });
    expect(clock.now()).toBeGreaterThan(2_500);
    expect(stdout).toMatch(/^\+1\.5 s {5}end {2}pending → complete .*\ntask complete in 1\.5 s\n$/m);
  });

  it("names the code that ran a step that failed", async () => {
    const digest = "ab".repeat(32);
    const metadata = { handler_version: "1.1.0", custom: { module_name: "greeter", module_digest: digest } };
    const results = { success: false, metadata, error: { message: "no", error_type: "handler_error" } };
    await using api = await scriptedApi(
      taskScript([{ status: "blocked_by_failures", steps: [step("start", "error", { results })] }]),
    );
    const { stdout } = await runCommand(["task", "show", TASK_UUID, "--url", api.url]);
    expect(stdout).toContain("\n   no\n   ran      greeter 1.1.0 sha256:abababababab\n");
    const raw = await runCommand(["task", "show", TASK_UUID, "--json", "--url", api.url]);
    expect(raw.stdout).toContain(`"module_name":"greeter","module_digest":"${digest}"`);
  });

  it("with --json writes an object for each change and one at the end", async () => {
    await using api = await scriptedApi(taskScript(DIAMOND));
    const run = await runCommand(["submit", "flows/diamond", "--follow", "--json", "--url", api.url]);
    const lines = run.stdout.trimEnd().split("\n");
    const events = lines.map((line): unknown => JSON.parse(line));
    expect(events[0]).toMatchObject({ event: "submitted", task: { task_uuid: TASK_UUID } });
    expect(events.slice(1, -1)).toHaveLength(10);
    expect(events.at(5)).toMatchObject({
      event: "step",
      from: "enqueued",
      step: { name: "start", current_state: "complete" },
    });
    expect(events.at(-1)).toMatchObject({ event: "ended", exit_code: 0, task: { status: "complete" } });
    expect(lines.at(5)).toContain('"result":{"value":12345678901234567890}');
    expect(lines.at(-1)).toContain('"result":66.50');
  });

  it("goes on while the API is away, and says so once", async () => {
    const script = taskScript(DIAMOND);
    let asked = 0;
    await using api = await scriptedApi((request) => {
      asked += 1;
      return asked > 3 && asked < 20 ? { status: 503, text: "{}", retryAfter: "1" } : script(request);
    });
    const run = await runCommand(["submit", "flows/diamond", "--follow", "--url", api.url]);
    expect(run.exitCode).toBe(0);
    expect(run.stderr).toBe("the API does not answer, asking again\n");
    expect(run.stdout).toContain("task complete");
  });

  it("gives up on an API that stays away for a minute", async () => {
    const script = taskScript(DIAMOND);
    let asked = 0;
    await using api = await scriptedApi((request) => {
      asked += 1;
      return asked > 3 ? "hang up" : script(request);
    });
    const clock = hastyClock();
    const run = await runCommand(["submit", "flows/diamond", "--follow", "--url", api.url], { clock });
    expect(run.exitCode).toBe(3);
    expect(run.stderr).toContain("TSK_REQUEST_API_UNREACHABLE");
    expect(clock.now()).toBeGreaterThan(60_000);
    expect(clock.now()).toBeLessThan(120_000);
  });

  it("gives up at once on an API that was never there", async () => {
    await using api = await scriptedApi(() => "hang up");
    const clock = hastyClock();
    const run = await runCommand(["task", "show", TASK_UUID, "--follow", "--url", api.url], { clock });
    expect(run.exitCode).toBe(3);
    expect(clock.now()).toBeLessThan(5_000);
  });

  it("stops when interrupted, and says how to go on", async () => {
    await using api = await scriptedApi(taskScript(DIAMOND.slice(0, 1)));
    const interrupted = new AbortController();
    const run = await runCommand(["submit", "flows/diamond", "--follow", "--url", api.url], {
      interrupted: interrupted.signal,
      onOutput: (stdout) => {
        if (stdout.includes("start  enqueued")) interrupted.abort();
      },
    });
    expect(run.exitCode).toBe(130);
    expect(run.stderr).toContain(`tasker-host task show ${TASK_UUID} --follow`);
  });
});

describe("--follow in a terminal", () => {
  const terminal = { columns: 80, rows: 24 };

  it("draws the DAG in place, without colours where NO_COLOR is set", async () => {
    await using api = await scriptedApi(taskScript(DIAMOND));
    const env = { NO_COLOR: "1" };
    const run = await runCommand(["submit", "flows/diamond", "--follow", "--url", api.url], { terminal, env });
    expect(run.exitCode).toBe(0);
    expect(lastFrame(run.stdout)).toBe(`
 flows/diamond  1.0.0  0199f0e2-0000-7000-8000-00000000000a
 ✔ complete in 1.5 s

   ✔    start  complete       12 ms  {"value":12345678901234567890}
   ├─╮
   ✔ │  left   complete        5 ms  61
   │ ✔  right  complete  2/3   4 ms  72
   ├─╯
   ✔    end    complete        2 ms  66.50

`);
    expect(run.stdout).toContain("\u001b[?25l");
    expect(run.stdout.endsWith("\u001b[?25h")).toBe(true);
    expect(run.stdout).not.toContain("\u001b[3");
    expect(run.stdout).toContain("retry in 60 s");
  });

  it("shows the cursor again when it ends with an error", async () => {
    let asked = 0;
    const script = taskScript(DIAMOND);
    await using api = await scriptedApi((request) => {
      asked += 1;
      return asked > 4 ? { status: 404, text: '{"error":{"code":"NOT_FOUND","message":"gone"}}' } : script(request);
    });
    const run = await runCommand(["submit", "flows/diamond", "--follow", "--url", api.url], { terminal });
    expect(run.exitCode).toBe(2);
    expect(run.stdout).toContain("\u001b[?25h");
  });

  it("colours by state", async () => {
    await using api = await scriptedApi(taskScript(DIAMOND));
    const run = await runCommand(["submit", "flows/diamond", "--follow", "--url", api.url], { terminal });
    expect(run.stdout).toContain("\u001b[32mcomplete");
    expect(run.stdout).toContain("\u001b[33mretry in 60 s");
  });

  it("draws nothing in a dumb terminal", async () => {
    await using api = await scriptedApi(taskScript(DIAMOND));
    const run = await runCommand(["submit", "flows/diamond", "--follow", "--url", api.url], {
      terminal,
      env: { TERM: "dumb" },
    });
    expect(run.stdout).not.toContain("\u001b");
    expect(run.stdout).toContain("start  enqueued → complete");
  });

  it("never draws more rows or columns than the terminal has, until the end", async () => {
    const names = Array.from({ length: 40 }, (_, index) => `step_${String(index).padStart(2, "0")}_${"x".repeat(40)}`);
    const chain = (state: (index: number) => string): object[] =>
      names.map((name, index) => step(name, state(index), { depends_on: index === 0 ? [] : [names[index - 1]] }));
    await using api = await scriptedApi(
      taskScript([
        { status: "steps_in_process", steps: chain((index) => (index < 20 ? "complete" : "pending")) },
        { status: "complete", steps: chain(() => "complete") },
      ]),
    );
    const run = await runCommand(["submit", "flows/diamond", "--follow", "--url", api.url], {
      terminal: { columns: 60, rows: 15 },
      env: { NO_COLOR: "1" },
    });
    const frames = framesOf(run.stdout);
    for (const frame of frames.slice(0, -1)) {
      expect(frame.split("\n").length - 1).toBeLessThan(15);
      for (const line of frame.split("\n")) expect(line.length).toBeLessThanOrEqual(60);
    }
    expect(frames[0]).toContain("step_20");
    expect(frames[0]).toContain("more above");
    expect(frames.at(-1)).toContain("step_00");
    expect(frames.at(-1)).toContain("step_39");
  });
});

describe("task show", () => {
  it("shows the task once", async () => {
    await using api = await scriptedApi(taskScript(DIAMOND.slice(1, 2)));
    const run = await runCommand(["task", "show", TASK_UUID, "--url", api.url], { clock: hastyClock(3_000) });
    expect(run.stdout).toBe(` flows/diamond  1.0.0  0199f0e2-0000-7000-8000-00000000000a
 ⠧ 3.0 s  1 of 4 steps done
 submitted    1970-01-01T00:00:00.000Z
 correlation  0199f0e2-0000-7000-8000-0000000000cc
 priority     0
 context      {"n":12345678901234567890}

   ✔    start  complete       12 ms  {"value":12345678901234567890}
   ├─╮
   ⠧ │  left   running        3.0 s
   │ ↻  right  retry in 57 s   3 ms  the \\u{1b}[31mgate\\u{1b}[0m is shut
   ├─╯
   ○    end    waiting

`);
    expect(run.exitCode).toBe(0);
  });

  it("with --json prints task and steps, numbers as they are spelled", async () => {
    await using api = await scriptedApi(taskScript(DIAMOND.slice(2)));
    const run = await runCommand(["task", "show", TASK_UUID, "--json", "--url", api.url]);
    expect(JSON.parse(run.stdout)).toMatchObject({
      task: { status: "complete" },
      steps: [{ name: "end" }, {}, {}, {}],
    });
    expect(run.stdout).toContain('"result":66.50');
  });

  it("refuses what is no UUID before it asks", async () => {
    const run = await runCommand(["task", "show", "../../x"]);
    expect(run.exitCode).toBe(2);
    expect(run.stderr).toContain("TSK_REQUEST_UUID_INVALID");
  });
});

/** What each redraw left on the screen, without the sequences that move the cursor. */
function framesOf(stdout: string): string[] {
  return (
    stdout
      .split("\u001b[?2026h")
      .slice(1)
      // oxlint-disable-next-line no-control-regex -- escape sequences are what is taken away
      .map((frame) => frame.split("\u001b[J")[0]?.replace(/\u001b\[[0-9;?]*[A-Za-z]|\r/g, "") ?? "")
  );
}

function lastFrame(stdout: string): string {
  return framesOf(stdout).at(-1) ?? "";
}
