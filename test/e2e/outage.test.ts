import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { systemClock } from "../../src/core/clock.ts";
import { silentLogger } from "../../src/core/logger.ts";
import { type Host, startHost } from "../../src/host/bootstrap/start-host.ts";
import { loadConfig } from "../../src/host/config/load-config.ts";
import {
  type EmbeddedPostgres,
  startEmbeddedPostgres,
} from "../../src/host/database/embedded/start-embedded-postgres.ts";
import { submit } from "../support/host.ts";

const NATIVE = `${import.meta.dirname}/fixtures/native`;

let dataDir: string;
let server: EmbeddedPostgres;

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "tasker-host-outage-"));
  server = await startEmbeddedPostgres({ dataDir, logger: silentLogger });
});

afterAll(async () => {
  await server?.stop();
  await rm(dataDir, { recursive: true, force: true });
});

function urlOf({ connection: { host, port, user, database } }: EmbeddedPostgres): string {
  return `postgres://${user}@localhost/${database}?host=${encodeURIComponent(host)}&port=${port}`;
}

function start(url: string, handler: () => unknown): Promise<Host> {
  const settings = { "database.url": url, "web.bind_address": "127.0.0.1:0", "logging.level": "silent" };
  return startHost({
    loaded: loadConfig({
      env: { TASKER_ENV: "test" },
      flags: Object.entries(settings).map(([key, value]) => ({ flag: "test", key, value })),
    }),
    handlersDir: NATIVE,
    clock: systemClock,
    logger: silentLogger,
    onProgress: () => undefined,
    subscribe: (subscriber) => subscriber.subscribe("native.only", handler),
  });
}

async function readiness(host: Host): Promise<number> {
  return (await fetch(`${host.url}/health/ready`)).status;
}

async function status(host: Host, taskUuid: string): Promise<string> {
  const response = await fetch(`${host.url}/v1/tasks/${taskUuid}`);
  const { status: state = `HTTP ${response.status}` } = (await response.json()) as { status?: string };
  return state;
}

describe("while Postgres is gone", () => {
  it("keeps a finished result, turns readiness red, and goes on by itself when Postgres is back", async () => {
    const started = Promise.withResolvers<void>();
    const release = Promise.withResolvers<void>();
    let runs = 0;
    await using host = await start(urlOf(server), async () => {
      runs += 1;
      started.resolve();
      await release.promise;
      return { runs };
    });
    const first = await submit(host, "native/single", '{"n":1}');
    await started.promise;
    await server.stop();
    release.resolve();
    await expect.poll(() => readiness(host)).toBe(503);

    server = await startEmbeddedPostgres({ dataDir, logger: silentLogger });
    await expect.poll(() => readiness(host)).toBe(200);
    await expect.poll(() => status(host, first)).toBe("complete");
    const second = await submit(host, "native/single", '{"n":2}');
    await expect.poll(() => status(host, second)).toBe("complete");
    expect(runs).toBe(2);
  });

  it("does not start on a URL that is none, and does not show it", async () => {
    const error: unknown = await start("postgres://user:secret@/name", () => null).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: "TSK_CONFIG_INVALID" });
    expect(String(error)).not.toContain("secret");
  });

  it("does not start: says what it could not reach", async () => {
    const nowhere = `postgres://tasker@localhost/tasker?host=${encodeURIComponent(join(dataDir, "nowhere"))}`;
    await expect(start(nowhere, () => null)).rejects.toMatchObject({ code: "TSK_DATABASE_UNREACHABLE" });
  });
});
