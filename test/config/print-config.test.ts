import { describe, expect, it } from "vitest";
import { parse } from "smol-toml";
import { loadConfig } from "../../src/host/config/load-config.ts";
import { printConfig, printConfigJson } from "../../src/host/config/print-config.ts";

const URL_WITH_SECRETS = "postgres://worker:hunter2@db.example:5432/tasker?sslpassword=hunter3&sslmode=require";

describe("`printConfig()`", () => {
  it("hides passwords and keeps what helps to find a mistake", () => {
    const loaded = loadConfig({ env: { DATABASE_URL: URL_WITH_SECRETS } });
    for (const printed of [printConfig(loaded), printConfigJson(loaded)]) {
      expect(printed).not.toMatch(/hunter/);
      expect(printed).toContain("postgres://worker:***@db.example:5432/tasker?sslpassword=***&sslmode=require");
      expect(printed).toContain("environment variable DATABASE_URL");
    }
  });

  it("is TOML that says where each value came from", () => {
    const printed = printConfig(loadConfig({ env: { TASKER_HOST__WEB__BIND_ADDRESS: "[::1]:9" } }));
    expect(parse(printed)).toMatchObject({ web: { bind_address: "[::1]:9" }, sandbox: { limits: { fuel: 1e10 } } });
    expect(printed).toMatch(/bind_address = "\[::1\]:9" +# environment variable TASKER_HOST__WEB__BIND_ADDRESS\n/);
    expect(printed).toMatch(/level = "info" +# config\/base\/logging\.toml:2\n/);
  });

  it("is readable by programs too", () => {
    const printed: unknown = JSON.parse(printConfigJson(loadConfig({ env: {} })));
    expect(printed).toMatchObject({
      environment: "development",
      values: { "database.max_connections": { value: 6, from: "config/base/database.toml:4" } },
    });
  });
});
