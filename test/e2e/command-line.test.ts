import { spawnSync } from "node:child_process";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { BIN, type CliHost, runCliHost } from "../support/cli-host.ts";

const HANDLERS = join(import.meta.dirname, "fixtures/handlers");

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp("/tmp/tasker-host-cli-");
  await chmod(folder, 0o755);
});

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

function runHost(...settings: readonly string[]): Promise<CliHost> {
  const set = settings.flatMap((setting) => ["--set", setting]);
  return runCliHost({ cwd: folder, args: ["--handlers", HANDLERS, ...set] });
}

function command(...args: readonly string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, [BIN, ...args], { cwd: folder, encoding: "utf8" });
}

function echo(host: CliHost, context: string): ReturnType<typeof command> {
  return command("submit", "trouble/echo", "--context", context, "--follow", "--url", host.started.url);
}

describe("tasker-host", () => {
  it("runs with an embedded Postgres, survives kill -9, and refuses a second host on the same data", async () => {
    const first = await runHost();
    expect(first.started.components.map(({ name }) => name)).toEqual(["trouble"]);
    expect(first.started.templates.map(({ name }) => name).sort()).toEqual(["echo", "everything", "slow", "slow_once"]);
    const submitted = echo(first, '{"before":"the kill"}');
    expect(submitted.stderr).toBe("");
    expect(submitted.status).toBe(0);
    const taskUuid = submitted.stdout.slice(0, 36);

    const second = command("run", "--set", "web.bind_address=127.0.0.1:0");
    expect(second.stderr).toContain("TSK_HOST_DATA_DIR_BUSY");
    expect(second.status).not.toBe(0);

    await first.signal("SIGKILL");
    const third = await runHost();
    expect(third.started.database.description).toContain("taken over");
    const shown = command("task", "show", taskUuid, "--json", "--url", third.started.url);
    expect(shown.stdout).toContain("the kill");
    expect(echo(third, '{"after":"the kill"}').status).toBe(0);
    expect(await third.signal("SIGTERM")).toBe(0);

    const fourth = await runHost();
    expect(fourth.started.database.description).not.toContain("taken over");
    expect(command("task", "show", taskUuid, "--url", fourth.started.url).stdout).toContain("complete");
    expect(await fourth.signal("SIGINT")).toBe(0);
  });

  it.each([
    [["run", "--set", "web.bind_addres=x"], "TSK_CONFIG_INVALID", "web.bind_addres"],
    [["run", "--set", "web.request_timeout_seconds=soon"], "TSK_CONFIG_INVALID", "a number from"],
    [["submit", "no-slash"], "TSK_REQUEST_INVALID", "NAMESPACE/TASK"],
    [["submit", "a/b", "--context", "{nope"], "TSK_JSON_MALFORMED", "--context"],
    [["submit", "a/b", "--url", "http://127.0.0.1:2"], "TSK_REQUEST_API_UNREACHABLE", "nothing listens"],
    [["build", "/nowhere"], "TSK_HOST_HANDLERS_NOT_FOUND", "/nowhere"],
    [["run", "--handlers", "/nowhere"], "TSK_HOST_HANDLERS_NOT_FOUND", "/nowhere"],
  ])("%j fails with %s and says %j", (args, code, words) => {
    const { status, stderr } = command(...args);
    expect(status).toBeGreaterThan(0);
    expect(stderr).toContain(code);
    expect(stderr).toContain(words);
    expect(stderr).toContain("→");
  });

  it("makes and revokes tokens while the host of the embedded database runs", async () => {
    const host = await runHost("auth.mode=required");
    onTestFinished(() => void host.process.kill("SIGTERM"));
    const made = command("token", "create", "ci", "--permissions", "tasks:*", "--namespaces", "*");
    expect(made.status).toBe(0);
    const bearer = { authorization: `Bearer ${made.stdout.trim()}` };
    expect((await fetch(`${host.started.url}/v1/tasks`, { headers: bearer })).status).toBe(200);
    expect(command("token", "list").stdout).toMatch(/ live {5}ci\n/);
    expect(command("token", "revoke", "ci").stdout).toMatch(/^Revoked .* \(ci\)\n$/);
    await expect.poll(async () => (await fetch(`${host.started.url}/v1/tasks`, { headers: bearer })).status).toBe(401);
    // The server is the host's still.
    expect(command("verify").status).toBe(0);
    expect(await host.signal("SIGTERM")).toBe(0);
    expect(command("token", "list").stdout).toMatch(/ revoked {2}ci\n/);
  });

  it("prints the configuration with the place of each value and no secret", () => {
    const { stdout, status } = spawnSync(process.execPath, [BIN, "config", "print"], {
      cwd: folder,
      encoding: "utf8",
      env: { ...process.env, DATABASE_URL: "postgres://user:hush@db/name" },
    });
    expect(status).toBe(0);
    expect(stdout).toContain("web.toml:2");
    expect(stdout).toContain("DATABASE_URL");
    expect(stdout).not.toContain("hush");
  });

  it("builds a handler and says what came out", () => {
    const { stdout, status } = command("build", join(HANDLERS, "trouble/trouble"), "--json");
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      name: "trouble",
      digest: expect.stringMatching(/^[0-9a-f]{64}$/),
      callables: expect.arrayContaining(["trouble.echo"]),
      imports: expect.arrayContaining(["tasker:handler/log@1.0.0"]),
      sizeBytes: expect.any(Number),
    });
  });
});
