import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { documentRoute } from "../../src/host/http/document-route.ts";
import { type TestDatabase, testDatabase } from "../support/database.ts";
import { testApp } from "./support/test-app.ts";

let postgres: TestDatabase;

beforeAll(async () => {
  postgres = await testDatabase();
});

afterAll(() => postgres.close());

describe("a statement that Postgres gives up", () => {
  it.each([
    ["as it took too long (57014)", "select pg_sleep(30)"],
    ["as there are too many connections (53300)", raising("53300")],
    ["as the disk is full (53100)", raising("53100")],
    ["as the server shuts down (57P01)", raising("57P01")],
  ])("%s is answered 503 with `Retry-After`, and without the statement", async (_, statement) => {
    const database = postgres.open({ statementTimeoutMs: 100 });
    const { app } = testApp({ database });
    documentRoute(app, { method: "get", path: "/test/trouble", access: "tasks:read", responses: {} });
    app.get("/test/trouble", async (c) => c.json(await database.query("test_trouble", statement)));
    const response = await app.request("/test/trouble");
    expect(response.status).toBe(503);
    expect(Number(response.headers.get("retry-after"))).toBeGreaterThan(0);
    const text = await response.text();
    expect(text).toMatch(/TSK_DATABASE_(TIMEOUT|EXHAUSTED|UNREACHABLE)/);
    expect(text).not.toMatch(/pg_sleep|secret words|select|test_trouble/);
  });

  it("is answered 500 where it is our own mistake, without the statement", async () => {
    const database = postgres.open();
    const { app } = testApp({ database });
    documentRoute(app, { method: "get", path: "/test/mistake", access: "tasks:read", responses: {} });
    app.get("/test/mistake", async (c) => c.json(await database.query("test_mistake", "select secret_column")));
    const response = await app.request("/test/mistake");
    expect(response.status).toBe(500);
    const text = await response.text();
    expect(text).toContain("TSK_HOST_INTERNAL");
    expect(text).not.toContain("secret_column");
  });
});

function raising(sqlstate: string): string {
  return `do $$ begin raise exception 'secret words' using errcode = '${sqlstate}'; end $$`;
}
