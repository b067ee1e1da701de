import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../../src/core/clock.ts";
import { silentLogger } from "../../../src/core/logger.ts";
import { buildRegistry, type RegistryParts } from "../../../src/host/bootstrap/build-registry.ts";
import { loadConfig } from "../../../src/host/config/load-config.ts";
import type { Database } from "../../../src/host/database/connection.ts";
import type { HandlerRegistry } from "../../../src/host/registry/handler-registry.ts";

/** The parts of a registry on a database, with a disk cache of their own. */
export function testRegistryParts(
  database: Database,
  settings: Readonly<Record<string, string>> = {},
  databaseKind: "embedded" | "external" = "external",
): RegistryParts & { readonly cacheDir: string } {
  const cacheDir = join(mkdtempSync(join(tmpdir(), "tasker-host-test-")), "artifacts");
  const flags = Object.entries({ "registry.cache_dir": cacheDir, ...settings });
  const { config } = loadConfig({
    env: { TASKER_ENV: "test" },
    flags: flags.map(([key, value]) => ({ flag: "test", key, value })),
  });
  return {
    ...buildRegistry(config, {
      database,
      databaseKind,
      clock: systemClock,
      logger: silentLogger,
    }),
    cacheDir,
  };
}

/** A registry on a database. */
export function testRegistry(...parts: Parameters<typeof testRegistryParts>): HandlerRegistry {
  return testRegistryParts(...parts).registry;
}
