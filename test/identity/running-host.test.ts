/** The operator's way: hosts that ask for credentials, tokens from the command line, and the audit of it all. */
import { hostname, userInfo } from "node:os";
import { setImmediate } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { systemClock } from "../../src/core/clock.ts";
import { refuseOpenApi } from "../../src/host/bootstrap/build-authenticator.ts";
import type { Host } from "../../src/host/bootstrap/start-host.ts";
import { loadConfig } from "../../src/host/config/load-config.ts";
import { type CommandRun, runCommand } from "../cli/support/run-command.ts";
import { type TestDatabase, testDatabase } from "../support/database.ts";
import { startTestHost } from "../support/host.ts";

let database: TestDatabase;
/** Two hosts on one database. */
let hosts: readonly Host[];

beforeAll(async () => {
  database = await testDatabase();
  const settings = { "auth.mode": "required" };
  hosts = await Promise.all([startTestHost({ database, settings }), startTestHost({ database, settings })]);
});

afterAll(async () => {
  await Promise.all(hosts.map((host) => host.stop()));
  await database.close();
});

function command(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<CommandRun> {
  return runCommand(args, { clock: systemClock, env: { DATABASE_URL: database.url, TASKER_ENV: "test", ...env } });
}

async function newToken(name: string, ...options: readonly string[]): Promise<string> {
  const all = ["--permissions", "*", "--namespaces", "*", ...options];
  const { stdout, stderr, exitCode } = await command(["token", "create", name, ...all]);
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: expect.stringMatching(/^Good for /) });
  return stdout.trim();
}

async function statusOf(host: Host, token: string): Promise<number> {
  const response = await fetch(`${host.url}/v1/tasks`, { headers: { authorization: `Bearer ${token}` } });
  await response.arrayBuffer();
  return response.status;
}

function statuses(token: string): Promise<readonly number[]> {
  return Promise.all(hosts.map((host) => statusOf(host, token)));
}

/**
 * Asks until every host refuses a token that has ended by now. The bar is of the requests: none that is sent two seconds
 * later may be answered otherwise.
 */
async function refusedInTime(token: string): Promise<void> {
  const endedMs = performance.now();
  for (;;) {
    const sentMs = performance.now();
    const found = await statuses(token);
    if (found.every((status) => status === 401)) return;
    if (sentMs - endedMs > 2_000) throw new Error(`${found.join(", ")} two seconds after its end`);
    await setImmediate();
  }
}

describe("tasker-host token", () => {
  it("makes a token that every host takes at once, and that every host refuses within two seconds of its end", async () => {
    const token = await newToken("operator");
    expect(await statuses(token)).toEqual([200, 200]);
    const { stdout } = await command(["token", "revoke", "operator"]);
    expect(stdout).toBe(`Revoked ${token.slice(5, 13)} (operator)\n`);
    await refusedInTime(token);
  });

  it("makes a token that ends by itself", async () => {
    const token = await newToken("brief", "--expires", "60s");
    expect(await statuses(token)).toEqual([200, 200]);
    await database.open().query(
      "test_age",
      `update tasker_host.api_tokens
            set created_at = created_at - interval '61 s', expires_at = expires_at - interval '61 s' where name = 'brief'`,
    );
    await refusedInTime(token);
  });

  it("lists what there is, and never the token itself", async () => {
    const token = await newToken("listed", "--namespaces", "flows,math", "--permissions", "tasks:read,handlers:*");
    const [text, json] = [await command(["token", "list"]), await command(["token", "list", "--json"])];
    expect(text.stdout).toContain(`${token.slice(5, 13)}  live     listed`);
    expect(text.stdout).toContain("tasks:read, handlers:*  in  flows, math");
    const listed = json.stdout
      .trim()
      .split("\n")
      .map((line): unknown => JSON.parse(line));
    expect(listed).toContainEqual(
      expect.objectContaining({ name: "listed", state: "live", namespaces: ["flows", "math"], last_used_at: null }),
    );
    expect(text.stdout + json.stdout).not.toContain(token.slice(14));
  });

  it.each([
    [["--permissions", "task:create", "--namespaces", "*"], 'Did you mean "tasks:create"?'],
    [["--permissions", "tasks:create", "--namespaces", "../etc"], '"../etc" is no namespace'],
    [["--permissions", "tasks:create"], "--namespaces"],
    [["--permissions", "*", "--namespaces", "*", "--expires", "99999d"], "1s to 3660d"],
    [["--permissions", ",", "--namespaces", "*"], "at least one"],
  ])("refuses to make one with %j", async (options, words) => {
    const { stdout, stderr } = await command(["token", "create", "wrong", ...options]);
    expect(stdout).toBe("");
    expect(stderr).toContain(words);
  });

  it("says so where a name is taken, and where there is nothing to revoke", async () => {
    await newToken("taken");
    const again = await command(["token", "create", "taken", "--permissions", "*", "--namespaces", "*"]);
    expect(again).toMatchObject({ exitCode: 2, stdout: "", stderr: expect.stringContaining("TSK_TOKEN_NAME_TAKEN") });
    const secret = await newToken("pasted");
    expect((await command(["token", "revoke", secret])).stdout).toBe(`Revoked ${secret.slice(5, 13)} (pasted)\n`);
    for (const pasted of [secret, secret.slice(0, -1)]) {
      const run = await command(["token", "revoke", pasted]);
      expect(run).toMatchObject({ exitCode: 2, stderr: expect.stringContaining("TSK_TOKEN_UNKNOWN") });
      expect(run.stderr).not.toContain(secret.slice(14, -1));
    }
  });
});

describe("commands on a host that asks for credentials", () => {
  it("are refused without a token, with words that help", async () => {
    const refused = await command(["audit", "--url", hosts[0]?.url ?? ""]);
    expect(refused).toMatchObject({ exitCode: 2, stderr: expect.stringContaining("TSK_AUTH_REQUIRED") });
    expect(refused.stderr).toContain("TASKER_TOKEN");
  });

  it("take it from TASKER_TOKEN or --token, and show who made what from where", async () => {
    const token = await newToken("auditor", "--permissions", "audit:read");
    const url = hosts[0]?.url ?? "";
    const first = await command(["audit", "--url", url, "--action", "token.created", "--limit", "1"], {
      TASKER_TOKEN: token,
    });
    const { username } = userInfo();
    expect(first.stdout).toMatch(/^\S+Z {2}token\.created {2}.*name=auditor .*permissions=\["audit:read"\]/);
    expect(first.stdout).toContain(`by local ${username} from cli:${username}@${hostname()}\n`);
    expect(first.stdout).not.toContain(token.slice(14));
    const second = await command(["audit", "--json", "--url", url, "--token", token, "--limit", "501"]);
    expect(second.stdout.trim().split("\n").length).toBeGreaterThan(3);
    const task = await command(["task", "show", "0199f0e2-0000-7000-8000-000000000001", "--url", url], {
      TASKER_TOKEN: token,
    });
    expect(task).toMatchObject({ exitCode: 2, stderr: expect.stringContaining("TSK_AUTH_PERMISSION_MISSING") });
  });

  it("refuse what no header can hold, without showing it", async () => {
    const bad = await command(["audit", "--url", hosts[0]?.url ?? "", "--token", "b\u00e4d"]);
    expect(bad).toMatchObject({ exitCode: 2, stderr: expect.stringContaining("TSK_REQUEST_INVALID") });
    expect(bad.stderr).not.toContain("b\u00e4d");
  });
});

describe("a host without authentication", () => {
  it.each([
    ["beyond loopback", { TASKER_ENV: "development" }, "0.0.0.0:0"],
    ["beyond loopback by a name", { TASKER_ENV: "development" }, "tasker.internal:0"],
    ["in production", { TASKER_ENV: "production" }, "127.0.0.1:0"],
  ])("does not start %s", (_, env, address) => {
    const flags = [
      { flag: "--set", key: "web.bind_address", value: address },
      { flag: "--set", key: "auth.mode", value: "off" },
    ];
    const loaded = loadConfig({ env, flags });
    expect(() => refuseOpenApi(loaded)).toThrow(expect.objectContaining({ code: "TSK_AUTH_UNCONFIGURED" }));
  });

  it("refuses before it opens anything", async () => {
    const starting = startTestHost({ database, settings: { "web.bind_address": "0.0.0.0:0" } });
    await expect(starting).rejects.toMatchObject({ code: "TSK_AUTH_UNCONFIGURED" });
  });

  it("asks for credentials in production unless told otherwise", () => {
    expect(loadConfig({ env: { TASKER_ENV: "production" } }).config.auth.mode).toBe("required");
  });
});
