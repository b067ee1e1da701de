import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { isTaskerError, type TaskerError } from "../../src/core/errors/index.ts";
import { allKeys } from "../../src/host/config/key-at.ts";
import { type ConfigSources, loadConfig, shippedConfigDir } from "../../src/host/config/load-config.ts";
import { describeOrigin } from "../../src/host/config/origin.ts";
import { variableOf } from "../../src/host/config/text-settings.ts";
import { environmentsOf } from "../../src/host/config/config-folder.ts";

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

/** A folder of an operator with these files. */
function folderWith(files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), "tasker-config-"));
  folders.push(folder);
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), content);
  }
  return folder;
}

function refusal(sources: ConfigSources): TaskerError {
  try {
    loadConfig(sources);
  } catch (error) {
    if (isTaskerError(error, "TSK_CONFIG_INVALID")) return error;
    throw error;
  }
  throw new Error("the configuration was accepted");
}

describe("`loadConfig()` on the host's own files", () => {
  it("gives every key a value and an origin, in every environment", () => {
    for (const environment of environmentsOf(shippedConfigDir())) {
      const { sources } = loadConfig({ env: { TASKER_ENV: environment } });
      expect([...sources.keys()]).toEqual(allKeys().map(([key]) => key));
      for (const origin of sources.values()) expect(describeOrigin(origin)).toMatch(/\.toml:\d+$/);
    }
  });

  it("is development without TASKER_ENV, and on loopback", () => {
    const { config, environment } = loadConfig({ env: {} });
    expect(environment).toBe("development");
    expect(config.web).toMatchObject({ bindAddress: "127.0.0.1:8081", corsEnabled: false });
    expect(config.sandbox.limits.fuel).toBe(10_000_000_000);
  });

  it("opens to other machines in production only", () => {
    const { config, sources } = loadConfig({ env: { TASKER_ENV: "production" } });
    expect(config.web.bindAddress).toBe("0.0.0.0:8081");
    expect(sources.get("web.bind_address")).toMatchObject({
      path: expect.stringContaining("environments/production/web.toml"),
    });
  });

  it("refuses an environment that no folder describes, and names those it knows", () => {
    const error = refusal({ env: { TASKER_ENV: "staging" } });
    expect(error.message).toContain('environment variable TASKER_ENV is "staging"');
    expect(error.accepted).toContain('"production"');
  });
});

function operatorsFolder(): string {
  return folderWith({
    "base/database.toml": 'url = "postgres://base@h/d"\nmax_connections = 3\n',
    "environments/test/database.toml": "max_connections = 4\n",
  });
}

describe("`loadConfig()` lets the more special source win", () => {
  it("base < environment < operator's base < operator's environment < variables < flags", () => {
    const configDir = operatorsFolder();
    const operators = loadConfig({ env: { TASKER_ENV: "test" }, configDir });
    expect(operators.config.database).toMatchObject({ url: "postgres://base@h/d", maxConnections: 4 });

    const env = { TASKER_ENV: "test", TASKER_CONFIG_PATH: configDir, TASKER_HOST__DATABASE__MAX_CONNECTIONS: "5" };
    expect(loadConfig({ env }).config.database.maxConnections).toBe(5);

    const flags = [{ flag: "--connections", key: "database.max_connections", value: "6" }];
    const flagged = loadConfig({ env, flags });
    expect(flagged.config.database.maxConnections).toBe(6);
    expect(flagged.sources.get("database.max_connections")).toEqual({ kind: "flag", name: "--connections" });
  });

  it("DATABASE_URL beats files, and TASKER_HOST__DATABASE__URL beats DATABASE_URL", () => {
    const env = { DATABASE_URL: "postgres://general@h/d" };
    expect(loadConfig({ env, configDir: operatorsFolder() }).config.database.url).toBe("postgres://general@h/d");
    const special = { ...env, TASKER_HOST__DATABASE__URL: "postgres://special@h/d" };
    expect(loadConfig({ env: special }).config.database.url).toBe("postgres://special@h/d");
  });

  it("takes an empty DATABASE_URL for none", () => {
    const env = { DATABASE_URL: "" };
    expect(loadConfig({ env, configDir: operatorsFolder() }).config.database.url).toBe("postgres://base@h/d");
  });
});

describe("`loadConfig()` reads variables as the key's own type", () => {
  it("numbers with underscores, booleans, lists with commas, nested tables", () => {
    const { config } = loadConfig({
      env: {
        TASKER_HOST__SANDBOX__LIMITS__FUEL: "2_000_000",
        TASKER_HOST__WEB__CORS_ENABLED: "true",
        TASKER_HOST__WEB__CORS_ORIGINS: "https://example.org",
        TASKER_HOST__STEP_PROCESSING__NAMESPACES: "math, commerce",
        TASKER_HOST__EXECUTOR_POOLS__STEP_EXECUTOR_POOL__MAX_POOL_SIZE: "60",
      },
    });
    expect(config.sandbox.limits.fuel).toBe(2_000_000);
    expect(config.web.corsEnabled).toBe(true);
    expect(config.stepProcessing.namespaces).toEqual(["math", "commerce"]);
    expect(config.executorPools.stepExecutorPool.maxPoolSize).toBe(60);
  });

  it("reaches every key by its variable", () => {
    for (const [path] of allKeys()) {
      const error = refusal({ env: { [variableOf(path)]: "\0" } });
      expect(error.message).toContain(`"${path}" in environment variable ${variableOf(path)}`);
    }
  });
});

describe("`loadConfig()` refuses, with place, key, found and accepted", () => {
  const cases: readonly (readonly [name: string, files: Record<string, string>, expected: RegExp])[] = [
    [
      "an unknown key",
      { "base/web.toml": '# comment\nbind_adress = "127.0.0.1:1"\n' },
      /"web\.bind_adress" in \S+base\/web\.toml:2 is no key of this name, did you mean "web\.bind_address" \(accepted: "web\.bind_address", /,
    ],
    [
      "a wrong type",
      { "base/web.toml": "cors_enabled = 1\n" },
      /"web\.cors_enabled" in \S+web\.toml:1 is 1 \(accepted: true or false\)/,
    ],
    [
      "a value out of range",
      { "base/sandbox.toml": "[limits]\nfuel = 0\n" },
      /"sandbox\.limits\.fuel" in \S+sandbox\.toml:2 is 0 \(accepted: a whole number from 1 to /,
    ],
    [
      "a fraction where a whole number is wanted",
      { "base/database.toml": "max_connections = 2.5\n" },
      /is 2\.5 \(accepted: a whole number from 2/,
    ],
    ["infinity", { "base/web.toml": "request_timeout_seconds = inf\n" }, /is Infinity \(accepted: a number from/],
    ["a date", { "base/logging.toml": "level = 2026-01-01\n" }, /is the date 2026-01-01/],
    [
      "a value where a table is wanted",
      { "base/sandbox.toml": "limits = 3\n" },
      /"sandbox\.limits" in \S+ is 3 \(accepted: a table with "fuel"/,
    ],
    [
      "a table where a value is wanted",
      { "base/logging.toml": "[level]\nname = 1\n" },
      /"logging\.level" in \S+:1 is \{"name":1\}/,
    ],
    [
      "a file that is no component",
      { "environments/development/wep.toml": "" },
      /wep\.toml is no component of this name, did you mean "web\.toml"/,
    ],
    [
      "a file that is no TOML",
      { "base/web.toml": "a = 1\nb = [1\n" },
      /"web" in \S+web\.toml:3 is .+ \(accepted: a TOML document/,
    ],
    [
      "a namespace that names no queue",
      { "base/step_processing.toml": 'namespaces = ["a-b"]\n' },
      /is \["a-b"\] \(accepted: an array of namespaces/,
    ],
    [
      "keys that contradict each other",
      { "base/step_processing.toml": "heartbeat_interval_seconds = 20\n" },
      /"step_processing\.heartbeat_interval_seconds" in \S+step_processing\.toml:1 is 20, with a claim_timeout_seconds of 30/,
    ],
    ["a port that is none", { "base/web.toml": 'bind_address = "127.0.0.1:70000"\n' }, /is "127\.0\.0\.1:70000"/],
  ];
  it.each(cases)("%s", (_, files, expected) => {
    expect(refusal({ env: {}, configDir: folderWith(files) }).message).toMatch(expected);
  });

  it("all problems at once, from every source, also those that another source overrides", () => {
    const configDir = folderWith({
      "base/web.toml": "port = 1\nmax_body_bytes = -1\n",
      "environments/development/web.toml": "max_body_bytes = 4_194_304\n",
    });
    const error = refusal({
      env: { TASKER_HOST__LOGGING__LEVEL: "loud" },
      configDir,
      flags: [{ flag: "--set", key: "web.nothing", value: "1" }],
    });
    expect(error.details["problems"]).toMatchObject([
      { key: "web.port" },
      { key: "web.max_body_bytes", found: "-1" },
      { key: "logging.level", at: "environment variable TASKER_HOST__LOGGING__LEVEL" },
      { key: "web.nothing", at: "flag --set" },
    ]);
  });

  it("a folder that is none", () => {
    expect(refusal({ env: { TASKER_CONFIG_PATH: "/nowhere" } }).message).toContain(
      'environment variable TASKER_CONFIG_PATH is "/nowhere", which is no folder',
    );
  });

  it("a database URL without showing it", () => {
    const error = refusal({ env: { DATABASE_URL: "mysql://user:hunter2@h/d" } });
    expect(JSON.stringify([error.message, error.details])).not.toContain("hunter2");
  });

  it("keys of Object.prototype", () => {
    const error = refusal({ env: {}, configDir: folderWith({ "base/web.toml": "constructor = 1\n" }) });
    expect(error.message).toContain('"web.constructor"');
  });
});
