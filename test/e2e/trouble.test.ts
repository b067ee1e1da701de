import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Host } from "../../src/host/bootstrap/start-host.ts";
import type { TestDatabase } from "../support/database.ts";
import { type EndedTask, ended, postTask, run, startTestHost, submit, testDatabase } from "../support/host.ts";

const HANDLERS = `${import.meta.dirname}/fixtures/handlers`;

let database: TestDatabase;
let host: Host;

beforeAll(async () => {
  database = await testDatabase();
  host = await startTestHost({
    database,
    handlersDir: HANDLERS,
    settings: { "sandbox.limits.fuel": 60_000_000_000 },
  });
});

afterAll(async () => {
  await host?.stop();
  await database?.close();
});

describe("a task whose handlers do everything wrong", () => {
  let task: EndedTask;

  beforeAll(async () => {
    task = await run(host, database, "trouble/everything", "{}");
  });

  it("was loaded as it stands", () => {
    expect(host.handlers.problems).toEqual([]);
  });

  it.each([
    ["throws", "TypeError", null, 2],
    ["rejects", "RangeError", null, 2],
    ["out_of_fuel", "out_of_fuel", "TSK_HANDLER_OUT_OF_FUEL", 1],
    ["out_of_memory", "memory_exceeded", "TSK_HANDLER_MEMORY_EXCEEDED", 1],
    ["never_returns", "handler_timeout", "TSK_HANDLER_TIMEOUT", 2],
    ["returns_10_mb", "output_exceeded", "TSK_HANDLER_OUTPUT_EXCEEDED", 1],
  ])("ends step %s in error: type %s, code %s, %d attempts", (name, errorType, errorCode, attempts) => {
    const step = task.steps.get(name);
    expect(step).toMatchObject({ current_state: "error", attempts });
    expect(step?.results?.metadata).toMatchObject({ error_type: errorType, error_code: errorCode });
  });

  it.each(["never_settles", "returns_nothing", "returns_nul", "lone_surrogate"])(
    "ends step %s in error at once, with words that say why",
    (name) => {
      const step = task.steps.get(name);
      expect(step).toMatchObject({ current_state: "error", attempts: 1 });
      expect(step?.results?.error?.message.length).toBeGreaterThan(20);
      expect(step?.results?.metadata.retryable).toBe(false);
    },
  );

  it("gives thrown and rejected errors their message and their place in the source", () => {
    for (const [name, message] of [
      ["throws", "handler threw"],
      ["rejects", "handler rejected"],
    ] as const) {
      const error = task.steps.get(name)?.results?.error;
      expect(error?.message).toContain(message);
      expect(error?.backtrace?.[0]).toMatch(/src\/index\.ts:\d+:\d+/);
      expect(error?.backtrace?.join("\n")).not.toContain("sdk/typescript");
    }
  });

  it("completes the step that does nothing wrong, and blocks the task", () => {
    expect(task.steps.get("good")?.current_state).toBe("complete");
    expect(task.status).toBe("blocked_by_failures");
  });

  it("leaves the host able to run the next task", async () => {
    expect((await run(host, database, "trouble/echo", '{"after":"trouble"}')).status).toBe("complete");
  });
});

describe("contexts and results", () => {
  it.each([
    ["integers beyond 2^53", '{"big":9007199254740993,"bigger":123456789012345678901234567890}'],
    ["unicode", JSON.stringify({ "ключ 😀": 'ü\u2028 \u{10FFFF} \\ " / ñ' })],
    ["decimals", '{"d":0.1,"e":12345678901234.125}'],
    ["nothing", "{}"],
    ["names that are special in JavaScript", '{"__proto__":{"a":1},"constructor":1,"toString":null}'],
  ])("carries %s through two steps unchanged", async (_name, context) => {
    const task = await run(host, database, "trouble/echo", context);
    expect(task.status).toBe("complete");
    const echoed = /"result":\s*\{"echo":\s*(\{.*?\})\},/s.exec(task.stepsText)?.[1] ?? "";
    expect(JSON.parse(echoed)).toEqual(JSON.parse(context));
    for (const number of context.match(/\d{10,}(\.\d+)?/g) ?? []) expect(task.stepsText.split(number)).toHaveLength(3);
  });

  it.each([
    ["U+0000", '{"a":"\\u0000"}', 400, "TSK_JSON_UNSTORABLE"],
    ["a lone surrogate", '{"a":"\\ud800"}', 400, "TSK_JSON_UNSTORABLE"],
    ["the same key twice", '{"a":1,"a":2}', 400, "TSK_JSON_UNSTORABLE"],
    ["no JSON", "{nope}", 400, "TSK_JSON_MALFORMED"],
    ["no object", "[1]", 400, "TSK_REQUEST_INVALID"],
  ])("refuses a context with %s", async (_name, context, status, code) => {
    const response = await postTask(host, "trouble/echo", context);
    expect(response.status).toBe(status);
    expect(JSON.stringify(await response.json())).toContain(code);
  });

  it("refuses an unknown task with the names that it knows", async () => {
    const response = await postTask(host, "trouble/ecco", "{}");
    expect(response.status).toBe(404);
    expect(JSON.stringify(await response.json())).toContain("trouble/echo");
  });

  it("takes a second submission of the same context as the same task", async () => {
    const taskUuid = await submit(host, "trouble/echo", '{"twice":true}');
    const again = await postTask(host, "trouble/echo", '{ "twice": true }');
    expect(again.status).toBe(409);
    expect(await again.text()).toContain(taskUuid);
    expect((await ended(host, database, taskUuid)).status).toBe("complete");
  });
});
