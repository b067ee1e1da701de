import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { hastyClock, runCommand } from "./support/run-command.ts";
import { scriptedApi } from "./support/scripted-api.ts";
import { taskScript, TASK_UUID } from "./support/task-script.ts";

const SUBMITTED = taskScript([{ status: "steps_in_process", steps: [] }]);

describe("submit", () => {
  it("sends the context as it is spelled, and prints the UUID first", async () => {
    await using api = await scriptedApi(SUBMITTED);
    const context = '{"n":12345678901234567890,"f":1.10,"é":"🎉"}';
    const run = await runCommand(["submit", "flows/diamond", "--url", api.url, "--context", context]);
    expect(run).toMatchObject({ stdout: `${TASK_UUID}  flows/diamond 1.0.0 submitted\n`, stderr: "", exitCode: 0 });
    expect(api.seen).toHaveLength(1);
    expect(api.seen[0]).toMatchObject({ method: "POST", path: "/v1/tasks" });
    expect(api.seen[0]?.body).toContain(`"context":${context}`);
  });

  it("says what the options say", async () => {
    await using api = await scriptedApi(SUBMITTED);
    const correlation = "0199f0e2-0000-7000-8000-0000000000cc";
    const args = ["--version", "2.0.0", "--priority", "-5", "--correlation-id", correlation];
    await runCommand(["submit", "flows/diamond", "--url", `${api.url}/`, ...args]);
    expect(JSON.parse(api.seen[0]?.body ?? "")).toMatchObject({
      namespace: "flows",
      name: "diamond",
      version: "2.0.0",
      priority: -5,
      correlation_id: correlation,
      context: {},
      source_system: "tasker-host submit",
    });
  });

  it("reads the context from a file", async () => {
    const folder = mkdtempSync(join(tmpdir(), "tasker-submit-"));
    try {
      writeFileSync(join(folder, "context.json"), '\ufeff{\n  "n": 1e400\n}\n');
      await using api = await scriptedApi(SUBMITTED);
      await runCommand(["submit", "flows/diamond", "--url", api.url, "--context", `@${join(folder, "context.json")}`]);
      expect(api.seen[0]?.body).toContain('"context":{\n  "n": 1e400\n}}');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it("prints one JSON object with --json, numbers as they are spelled", async () => {
    await using api = await scriptedApi(SUBMITTED);
    const run = await runCommand(["submit", "flows/diamond", "--url", api.url, "--json"]);
    expect(run.stdout).toContain('"context":{"n":12345678901234567890}');
    expect(JSON.parse(run.stdout)).toMatchObject({ event: "submitted", task: { task_uuid: TASK_UUID } });
  });

  it.each([
    [["nonsense"], "TSK_REQUEST_INVALID", '"nonsense" (accepted: NAMESPACE/TASK'],
    [["a/b/c"], "TSK_REQUEST_INVALID", "NAMESPACE/TASK"],
    [["Flows/diamond"], "TSK_REQUEST_INVALID", "a lower-case letter"],
    [["flows/diamond", "--context", "{"], "TSK_JSON_MALFORMED", "--context: the end of the text"],
    [["flows/diamond", "--context", "[]"], "TSK_REQUEST_INVALID", "no object"],
    [["flows/diamond", "--context", '{"a":"\\u0000"}'], "TSK_JSON_UNSTORABLE", "U+0000"],
    [["flows/diamond", "--context", "@/no/such/file"], "TSK_REQUEST_FILE_UNREADABLE", "no such file"],
    [["flows/diamond", "--priority", "high"], "TSK_REQUEST_INVALID", "--priority is"],
    [["flows/diamond", "--version", "latest"], "TSK_REQUEST_INVALID", "--version is"],
    [["flows/diamond", "--correlation-id", "1"], "TSK_REQUEST_INVALID", "--correlation-id is"],
    [["flows/diamond", "--url", "ftp://x"], "TSK_CONFIG_INVALID", "--url"],
  ])("%j ends with 2, a code and a remedy, and asks nobody", async (args, code, found) => {
    await using api = await scriptedApi(SUBMITTED);
    const run = await runCommand(["submit", "--url", api.url, ...args]);
    expect(run.exitCode).toBe(2);
    expect(run.stderr).toContain(`${code}: `);
    expect(run.stderr).toContain(found);
    expect(run.stderr).toContain("→");
    expect(run.stdout).toBe("");
    expect(api.seen).toEqual([]);
  });

  it("shows what the API refused in the API's words", async () => {
    const error = {
      code: "CONFLICT",
      tsk_code: "TSK_TASK_DUPLICATE",
      message: 'Cannot submit a task of "flows/diamond": task "x" has the same context',
      found: 'task "x" has the same context',
      details: { task_uuid: TASK_UUID },
    };
    await using api = await scriptedApi(() => ({ status: 409, text: JSON.stringify({ error }) }));
    const run = await runCommand(["submit", "flows/diamond", "--url", api.url]);
    expect(run.exitCode).toBe(2);
    expect(run.stderr).toContain(`TSK_TASK_DUPLICATE: ${error.message}\n  → Use the existing task`);
  });

  it("understands the errors of a Tasker orchestrator", async () => {
    const text = '{"error":{"code":"NOT_FOUND","message":"Task template not found"}}';
    await using api = await scriptedApi(() => ({ status: 404, text }));
    const run = await runCommand(["submit", "flows/diamond", "--url", api.url]);
    expect(run.stderr).toContain("The API refused the request: Task template not found");
  });

  it("refuses an answer that is something else", async () => {
    await using api = await scriptedApi(() => ({ status: 200, text: "<html>" }));
    const run = await runCommand(["submit", "flows/diamond", "--url", api.url]);
    expect(run.exitCode).toBe(3);
    expect(run.stderr).toContain("TSK_REQUEST_API_ANSWER");
  });
});

describe("asking again", () => {
  it("follows a 503 after the time that it names", async () => {
    let answers = 0;
    await using api = await scriptedApi((request) => {
      answers += 1;
      return answers < 3 ? { status: 503, text: "{}", retryAfter: "2" } : SUBMITTED(request);
    });
    const clock = hastyClock();
    const run = await runCommand(["submit", "flows/diamond", "--url", api.url], { clock });
    expect(run.exitCode).toBe(0);
    expect(api.seen).toHaveLength(3);
    expect(clock.waits).toEqual([2_000, 2_000]);
  });

  it("stops after retry_attempts, and says that nobody answers", async () => {
    const clock = hastyClock();
    const api = await scriptedApi(SUBMITTED);
    await api[Symbol.asyncDispose]();
    const run = await runCommand(["submit", "flows/diamond", "--url", api.url], { clock });
    expect(run.exitCode).toBe(3);
    expect(clock.waits).toHaveLength(3);
    expect(run.stderr).toContain(`TSK_REQUEST_API_UNREACHABLE: Cannot ask ${api.url}: nothing listens there`);
    expect(run.stderr).toContain("tasker-host run");
  });

  it.each([400, 404, 409, 413, 500])("does not follow a %i", async (status) => {
    await using api = await scriptedApi(() => ({ status, text: '{"error":{"code":"X","message":"no"}}' }));
    const clock = hastyClock();
    await runCommand(["submit", "flows/diamond", "--url", api.url], { clock });
    expect(api.seen).toHaveLength(1);
    expect(clock.waits).toEqual([]);
  });

  it("says of a port that no client asks that it is one", async () => {
    const run = await runCommand(["submit", "math/diamond", "--url", "http://127.0.0.1:1"]);
    expect(run.stderr).toContain("Cannot ask http://127.0.0.1:1: HTTP clients refuse this port");
    expect(run.exitCode).toBe(3);
  });

  it("takes the existing task for its own where the first answer got lost", async () => {
    let posts = 0;
    let correlation = "";
    await using api = await scriptedApi((request) => {
      if (request.method === "POST" && posts++ === 0) {
        correlation = z.object({ correlation_id: z.string() }).parse(JSON.parse(request.body)).correlation_id;
        return "hang up";
      }
      if (request.method === "POST") {
        const error = {
          code: "CONFLICT",
          tsk_code: "TSK_TASK_DUPLICATE",
          message: "x",
          details: { task_uuid: TASK_UUID },
        };
        return { status: 409, text: JSON.stringify({ error }) };
      }
      const answer = SUBMITTED(request);
      return answer === "hang up"
        ? answer
        : { ...answer, text: answer.text.replace(/0199f0e2-0000-7000-8000-0000000000cc/, correlation) };
    });
    const run = await runCommand(["submit", "flows/diamond", "--url", api.url]);
    expect(run).toMatchObject({ exitCode: 0, stderr: "" });
    expect(run.stdout).toContain(TASK_UUID);
  });

  it("does not take another's task for its own", async () => {
    let posts = 0;
    await using api = await scriptedApi((request) => {
      if (request.method === "POST" && posts++ === 0) return "hang up";
      if (request.method !== "POST") return SUBMITTED(request);
      const error = {
        code: "CONFLICT",
        tsk_code: "TSK_TASK_DUPLICATE",
        message: "x",
        details: { task_uuid: TASK_UUID },
      };
      return { status: 409, text: JSON.stringify({ error }) };
    });
    const run = await runCommand(["submit", "flows/diamond", "--url", api.url]);
    expect(run.exitCode).toBe(2);
    expect(run.stderr).toContain("TSK_TASK_DUPLICATE");
  });
});
