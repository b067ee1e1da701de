import { afterAll, beforeAll, expect, it } from "vitest";
import { systemClock } from "../../src/core/clock.ts";
import { type TestDatabase, testDatabase } from "../support/database.ts";
import { runCommand } from "./support/run-command.ts";

let postgres: TestDatabase;
beforeAll(async () => {
  postgres = await testDatabase();
});
afterAll(() => postgres.close());

it.each([
  ["1s", "1 s"],
  ["90s", "90 s"],
  ["10m", "10 min"],
  ["90m", "90 min"],
  ["24h", "24 h"],
  ["2d", "48 h"],
  ["30d", "30 days"],
])("says how long a token of --expires %s is good for: %s", async (age, words) => {
  const args = ["token", "create", `for-${age}`, "--permissions", "*", "--namespaces", "*", "--expires", age];
  const { stderr, exitCode } = await runCommand(args, {
    clock: systemClock,
    env: { TASKER_ENV: "test", DATABASE_URL: postgres.url },
  });
  expect({ stderr, exitCode }).toEqual({ stderr: `Good for ${words}. It will not be shown again\n`, exitCode: 0 });
});
