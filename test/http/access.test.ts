/**
 * Every route × every role, from the OpenAPI document itself: a route that is added without saying whom it is for fails here
 * without anybody writing a test.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { systemClock } from "../../src/core/clock.ts";
import { silentLogger } from "../../src/core/logger.ts";
import type { Database } from "../../src/host/database/connection.ts";
import { isPermission, PERMISSIONS } from "../../src/host/domain/permissions.ts";
import type { App } from "../../src/host/http/document-route.ts";
import { ErrorSchema } from "../../src/host/http/schemas/errors.ts";
import { apiTokenVerifier } from "../../src/host/identity/api-token-verifier.ts";
import { requiredAuthentication } from "../../src/host/identity/authenticator.ts";
import { versionComponent } from "../registry/support/version-component.ts";
import { type TestDatabase, testDatabase } from "../support/database.ts";
import { bearer, expiredToken, revokedToken, tokenFor } from "./support/callers.ts";
import { type JwtIssuer, jwtIssuer } from "./support/jwt-issuer.ts";
import { testApp } from "./support/test-app.ts";

/** Public on purpose; another one needs a decision, and a line in docs/access.md. */
const PUBLIC = new Set([
  "GET /health",
  "GET /health/live",
  "GET /health/ready",
  "GET /metrics",
  "GET /openapi.json",
  "GET /docs",
]);

interface Route {
  readonly name: string;
  readonly method: string;
  /** With something plausible in place of each parameter. */
  readonly path: string;
  readonly permission: string | undefined;
  readonly inNamespace: boolean;
}

const Document = z.object({
  paths: z.record(z.string(), z.record(z.string(), z.object({ "x-tasker-permission": z.string().optional() }))),
});

const SAMPLES: Readonly<Record<string, string>> = {
  namespace: "flows",
  name: "anything",
  version: "1.0.0",
  uuid: "0199f0e2-0000-7000-8000-000000000001",
};

function sampleOf(parameter: string): string {
  return SAMPLES[parameter] ?? (parameter.endsWith("uuid") ? (SAMPLES["uuid"] ?? "") : "anything");
}

let postgres: TestDatabase;
let database: Database;
let app: App;
let routes: readonly Route[];
let issuer: JwtIssuer;

beforeAll(async () => {
  postgres = await testDatabase();
  database = postgres.open();
  issuer = await jwtIssuer();
  const authenticator = requiredAuthentication({
    apiToken: apiTokenVerifier({ database, clock: systemClock, logger: silentLogger }),
    jwt: issuer.verifier,
  });
  ({ app } = testApp({ database, authenticator, metrics: { render: () => Promise.resolve("") } }));
  const { paths } = Document.parse(await (await app.request("/openapi.json")).json());
  routes = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      name: `${method.toUpperCase()} ${path}`,
      method: method.toUpperCase(),
      path: path.replaceAll(/\{(\w+)\}/g, (_, parameter: string) => sampleOf(parameter)),
      permission: operation["x-tasker-permission"],
      inNamespace: path.includes("{namespace}"),
    })),
  );
});

afterAll(() => postgres.close());

interface Answer {
  readonly status: number;
  readonly code: string | undefined;
  readonly challenge: string | null;
}

/** Sends a body that nobody may look at before the caller is known: it is broken, and a reader would say so. */
async function ask(route: Pick<Route, "method" | "path">, headers: Record<string, string> = {}): Promise<Answer> {
  const body = route.method === "GET" || route.method === "HEAD" ? {} : { body: "{broken" };
  const response = await app.request(route.path, {
    method: route.method,
    headers: { "content-type": "application/json", ...headers },
    ...body,
  });
  const text = await response.text();
  const error =
    response.status >= 400 && text.startsWith('{"error"') ? ErrorSchema.parse(JSON.parse(text)).error : undefined;
  return { status: response.status, code: error?.tsk_code, challenge: response.headers.get("www-authenticate") };
}

function guarded(): readonly Route[] {
  return routes.filter(({ permission }) => permission !== "public");
}

/** What each guarded route answered, by its name: a difference names the routes that are wrong. */
async function each(all: readonly Route[], headers: Record<string, string>): Promise<Record<string, Answer>> {
  const answers: [string, Answer][] = [];
  for (const route of all) answers.push([route.name, await ask(route, headers)]);
  return Object.fromEntries(answers);
}

function all(names: readonly Route[], answer: unknown): Record<string, unknown> {
  return Object.fromEntries(names.map(({ name }) => [name, answer]));
}

describe("every route", () => {
  it("says in the document whom it is for", () => {
    const without = routes.filter(({ permission = "" }) => permission !== "public" && !isPermission(permission));
    expect(without.map(({ name }) => name)).toEqual([]);
    expect(guarded().length).toBeGreaterThan(5);
  });

  it("is served only as documented: nothing answers beside the document", () => {
    const served = app.routes
      .filter(({ method }) => method !== "ALL")
      .map(({ method, path }) => `${method} ${path.replaceAll(/:(\w+)/g, "{$1}")}`);
    expect(new Set(served)).toEqual(new Set(routes.map(({ name }) => name)));
  });

  it("is public only where it is meant to be", () => {
    expect(new Set(routes.filter(({ permission }) => permission === "public").map(({ name }) => name))).toEqual(PUBLIC);
  });
});

describe("a caller without good credentials", () => {
  it("is answered 401 with a challenge by every guarded route, before its body is looked at", async () => {
    const expected = { status: 401, code: "TSK_AUTH_REQUIRED", challenge: 'Bearer realm="tasker-host"' };
    expect(await each(guarded(), {})).toEqual(all(guarded(), expected));
  });

  it.each([
    ["an expired token", "TSK_AUTH_EXPIRED", (): Promise<string> => expiredToken(database, "old")],
    ["a revoked token", "TSK_AUTH_REVOKED", (): Promise<string> => revokedToken(database, "gone")],
    [
      "a damaged token",
      "TSK_AUTH_INVALID",
      async () => `${(await tokenFor(database, { name: "damaged" })).slice(0, -1)}_`,
    ],
    ["a token of another database", "TSK_AUTH_INVALID", (): Promise<string> => tokenOfAnotherDatabase()],
    ["an expired JWT", "TSK_AUTH_EXPIRED", (): Promise<string> => issuer.token({ permissions: ["*"] }, -60)],
    [
      "a JWT of another issuer's key",
      "TSK_AUTH_INVALID",
      async () => (await jwtIssuer()).token({ permissions: ["*"], worker_namespaces: ["*"] }),
    ],
    ["something else", "TSK_AUTH_INVALID", (): Promise<string> => Promise.resolve("c3dvcmRmaXNo")],
  ])("is answered 401 with %s", async (_, code, make) => {
    const challenge = 'Bearer realm="tasker-host", error="invalid_token"';
    expect(await each(guarded(), bearer(await make()))).toEqual(all(guarded(), { status: 401, code, challenge }));
  });

  it.each(["Basic dXNlcjpwYXNz", "Bearer", "Bearer  ", ""])(
    "is answered 401 with the header %j",
    async (authorization) => {
      const answers = await each(guarded(), { authorization });
      expect(new Set(Object.values(answers).map(({ status }) => status))).toEqual(new Set([401]));
    },
  );

  it("is served by the public routes, whatever it brings", async () => {
    for (const headers of [{}, bearer("nonsense")]) {
      for (const name of PUBLIC) {
        const [method = "", path = ""] = name.split(" ");
        expect({ name, ...(await ask({ method, path }, headers)) }).toMatchObject({ name, status: 200 });
      }
    }
  });
});

describe("a caller with one permission", () => {
  const kinds = ["token", "jwt"] as const;
  const withPermission = (kind: (typeof kinds)[number], permission: string): Promise<string> =>
    kind === "jwt"
      ? issuer.token({ permissions: [permission], worker_namespaces: ["*"] })
      : tokenFor(database, { name: `only-${permission.replace(":", "-")}`, permissions: [permission] });

  it.each(kinds.flatMap((kind) => Object.keys(PERMISSIONS).map((permission) => [kind, permission] as const)))(
    "passes with a %s for %s where that is asked for, and is answered 403 elsewhere",
    async (kind, permission) => {
      const token = await withPermission(kind, permission);
      const [opened, closed] = [true, false].map((open) =>
        guarded().filter((route) => (route.permission === permission) === open),
      );
      const passed = Object.entries(await each(opened ?? [], bearer(token)));
      expect(passed.filter(([, { status }]) => status === 401 || status === 403)).toEqual([]);
      const refused = (closed ?? []).map((route) => {
        const challenge = `Bearer realm="tasker-host", error="insufficient_scope", scope="${route.permission}"`;
        return [route.name, { status: 403, code: "TSK_AUTH_PERMISSION_MISSING", challenge }] as const;
      });
      expect(await each(closed ?? [], bearer(token))).toEqual(Object.fromEntries(refused));
    },
  );

  it("passes with all of an area, and in `X-API-Key` as in `Authorization`", async () => {
    const token = await tokenFor(database, { name: "area", permissions: ["tasks:*"] });
    expect(await ask({ method: "GET", path: "/v1/tasks" }, { "x-api-key": token })).toMatchObject({ status: 200 });
    expect(await ask({ method: "GET", path: "/v1/audit" }, { "x-api-key": token })).toMatchObject({ status: 403 });
  });

  it("may do nothing with words that nobody knows", async () => {
    const token = await tokenFor(database, {
      name: "words",
      permissions: ["everything", "tasks", "task:*", ":*", "**"],
    });
    const answers = await each(guarded(), bearer(token));
    expect(new Set(Object.values(answers).map(({ status }) => status))).toEqual(new Set([403]));
  });
});

describe("an upload", () => {
  it("with `promote=true` asks for `handlers:promote`, too, and stores nothing without it", async () => {
    const body = await versionComponent({ name: "charge", version: "1.0.0", callable: "charge" });
    const upload = async (permissions: readonly string[], query: string): Promise<number> => {
      const token = await issuer.token({ permissions, worker_namespaces: ["flows"] });
      const response = await app.request(`/v1/namespaces/flows/handlers/charge/versions?version=1.0.0${query}`, {
        method: "POST",
        headers: { "content-type": "application/wasm", ...bearer(token) },
        body,
      });
      return response.status;
    };
    const stored = (): Promise<unknown> => database.query("test_stored", "select digest from tasker_host.components");
    expect(await upload(["handlers:push"], "&promote=true")).toBe(403);
    expect(await upload(["handlers:promote"], "&promote=true")).toBe(403);
    expect(await stored()).toEqual([]);
    expect(await upload(["handlers:push"], "")).toBe(201);
    expect(await upload(["handlers:push", "handlers:promote"], "&promote=true")).toBe(200);
  });

  it("is in the lists of those who may enter its namespace, and of nobody else", async () => {
    const listed = async (namespaces: readonly string[]): Promise<unknown> => {
      const token = await issuer.token({ permissions: ["handlers:read"], worker_namespaces: namespaces });
      const response = await app.request("/v1/handlers", { headers: bearer(token) });
      return await response.json();
    };
    const shown = { handlers: [expect.objectContaining({ namespace: "flows", name: "charge" }) as unknown] };
    expect(await listed(["flows", "other"])).toEqual(shown);
    expect(await listed(["*"])).toEqual(shown);
    expect(await listed(["other"])).toEqual({ handlers: [] });
    expect(await listed([])).toEqual({ handlers: [] });
  });
});

describe("a caller of another namespace", () => {
  it.each(["token", "jwt"])("with a %s is answered 403 by every route of a namespace, there or not", async (kind) => {
    const token =
      kind === "jwt"
        ? await issuer.token({ permissions: ["*"], worker_namespaces: ["elsewhere"] })
        : await tokenFor(database, { name: "elsewhere", namespaces: ["elsewhere"] });
    const inNamespace = routes.filter((route) => route.inNamespace);
    const expected = { status: 403, code: "TSK_AUTH_NAMESPACE_FORBIDDEN", challenge: null };
    expect(await each(inNamespace, bearer(token))).toEqual(all(inNamespace, expected));
  });

  it("is told of a name that no namespace can have before anything is asked of the database", async () => {
    const token = await tokenFor(database, { name: "namer" });
    for (const { name, method, path } of routes.filter((route) => route.inNamespace)) {
      for (const wrong of ["..%2f..%2fetc", "%00", "FLOWS", "a'b", "%F0%9D%91%8E", "a".repeat(30)]) {
        const answer = await ask({ method, path: path.replace("/flows", `/${wrong}`) }, bearer(token));
        expect({ name, wrong, status: answer.status }).toEqual({ name, wrong, status: 400 });
      }
    }
  });
});

async function tokenOfAnotherDatabase(): Promise<string> {
  await using other = await testDatabase();
  return await tokenFor(other.open(), { name: "other" });
}
