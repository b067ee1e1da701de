/** Every parameter of the OpenAPI document, with what no caller should send: nothing of it may be the host's failure. */
import { createHash, randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import type { Database } from "../../src/host/database/connection.ts";
import { registerVersion } from "../../src/host/database/handler-versions.ts";
import type { App } from "../../src/host/http/document-route.ts";
import { ErrorSchema } from "../../src/host/http/schemas/errors.ts";
import { type TestDatabase, testDatabase } from "../support/database.ts";
import { TEST_ACTOR } from "../support/test-actor.ts";
import { testApp } from "./support/test-app.ts";

const UUID = "0199f0e2-0000-7000-8000-000000000001";

/** Plausible ones; the version exists, so that its statements run. */
const GOOD: Readonly<Record<string, string>> = { namespace: "flows", name: "pay", version: "1.0.0", uuid: UUID };

/** As they stand in a URL. */
const HOSTILE: Readonly<Record<string, string>> = {
  "U+0000": "%00",
  "U+0000 in a word": "a%00b",
  "a line feed": "a%0Ab",
  "an escape sequence": "%1B%5B2J",
  "U+007F": "%7F",
  "a C1 control character": "%C2%85",
  "a high surrogate alone": "%ED%A0%80",
  "a low surrogate alone": "%ED%B0%80",
  "bytes that are no UTF-8": "%FF%FE",
  "a broken escape": "%zz",
  "U+FFFF": "%EF%BF%BF",
  "10,000 characters": "a".repeat(10_000),
  "10,000 digits": "9".repeat(10_000),
  "10,000 emoji": "%F0%9F%98%80".repeat(10_000),
  nothing: "",
  quotes: "%27%22%60%3B--",
  __proto__: "__proto__",
  "minus one": "-1",
  NaN: "NaN",
  "2^63": "9223372036854775808",
  "fifteen nines": "999999999999999",
};

const Document = z.object({
  paths: z.record(
    z.string(),
    z.record(
      z.string(),
      z.object({ parameters: z.array(z.object({ name: z.string(), in: z.enum(["path", "query"]) })).default([]) }),
    ),
  ),
});

interface Attack {
  readonly method: string;
  readonly path: string;
}

let postgres: TestDatabase;
let database: Database;
let app: App;
let attacks: readonly Attack[];

beforeAll(async () => {
  postgres = await testDatabase();
  database = postgres.open();
  ({ app } = testApp({ database, metrics: { render: () => Promise.resolve("") } }));
  // The second is for the tests below, should one of the attacks change the first.
  for (const version of ["1.0.0", "2.0.0"]) await register(version);
  const { paths } = Document.parse(await (await app.request("/openapi.json")).json());
  attacks = Object.entries(paths).flatMap(([template, methods]) =>
    Object.entries(methods).flatMap(([method, { parameters }]) =>
      [...parameters, { name: "unknown", in: "query" as const }].flatMap((attacked) =>
        Object.values(HOSTILE).map((value) => ({
          method: method.toUpperCase(),
          path: withValue(template, attacked, value),
        })),
      ),
    ),
  );
});
afterAll(() => postgres.close());

async function register(version: string): Promise<void> {
  const bytes = new Uint8Array(randomBytes(10));
  await registerVersion(database, {
    namespace: "flows",
    name: "pay",
    version,
    actor: TEST_ACTOR,
    callables: ["pay"],
    component: {
      digest: createHash("sha256").update(bytes).digest("hex"),
      bytes,
      imports: [],
      exports: [],
      capabilities: [],
      preparerVersion: "1",
      fuelScheduleId: "f1",
      artifact: new Uint8Array([1]),
      describeFuel: 5,
    },
    sourceMap: undefined,
    replaceArtifact: false,
  });
}

function withValue(
  template: string,
  { name, in: place }: { name: string; in: "path" | "query" },
  value: string,
): string {
  const path = template.replaceAll(/\{(\w+)\}/g, (_, parameter: string) =>
    place === "path" && parameter === name ? value : (GOOD[parameter] ?? "anything"),
  );
  return place === "query" ? `${path}?${name}=${value}` : path;
}

async function answerTo({
  method,
  path,
}: Attack): Promise<{ readonly status: number; readonly code: string | undefined }> {
  const response = await app.request(path, { method });
  const text = await response.text();
  const code = response.status < 400 ? undefined : ErrorSchema.parse(JSON.parse(text)).error.tsk_code;
  return { status: response.status, code };
}

it("no parameter of any route makes the host fail, whatever it holds", async () => {
  expect(attacks.length).toBeGreaterThan(500);
  const failures: string[] = [];
  for (const attack of attacks) {
    const { status, code } = await answerTo(attack);
    if (status >= 500) failures.push(`${attack.method} ${attack.path.slice(0, 120)}: ${status} ${code}`);
  }
  expect(failures).toEqual([]);
});

describe("a parameter that Postgres could not take is refused", () => {
  const steps = "/v1/namespaces/flows/handlers/pay/versions/2.0.0/steps?before=";
  it.each([
    "/v1/audit?actor=%00",
    "/v1/tasks?initiator=a%00b",
    "/v1/tasks?source_system=%00",
    `${steps}2026-02-31T00:00:00.000000Z_${UUID}_1`,
    `${steps}9999-99-99T99:99:99.000000Z_${UUID}_1`,
    `${steps}0000-01-01T00:00:00.000000Z_${UUID}_1`,
    `${steps}2026-01-01T24:00:00.000000Z_${UUID}_1`,
    `${steps}%00`,
  ])("%s", async (path) => {
    expect(await answerTo({ method: "GET", path })).toEqual({ status: 400, code: "TSK_REQUEST_INVALID" });
  });

  it("and one that it can is not", async () => {
    for (const path of [`${steps}2024-02-29T23:59:59.999999Z_${UUID}_1`, "/v1/audit?actor=Zo%C3%AB%20%F0%9F%98%80"]) {
      expect(await answerTo({ method: "GET", path })).toMatchObject({ status: 200 });
    }
  });
});

it("an unknown parameter is refused by every route that asks who calls", async () => {
  const { paths } = Document.parse(await (await app.request("/openapi.json")).json());
  const answers: string[] = [];
  for (const [template, methods] of Object.entries(paths)) {
    if (/^\/(health|health\/live|health\/ready|metrics|docs|openapi\.json)$/.test(template)) continue;
    for (const method of Object.keys(methods)) {
      const path = withValue(template, { name: "promot", in: "query" }, "true");
      const response = await app.request(path, { method: method.toUpperCase() });
      const { error } = ErrorSchema.parse(await response.json());
      if (error.found !== 'unknown parameter "promot"') answers.push(`${method} ${template}: ${error.message}`);
    }
  }
  expect(answers).toEqual([]);
});
