import { readFileSync, writeFileSync } from "node:fs";
import { afterAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { absentDatabase } from "./support/absent-database.ts";
import { testApp } from "./support/test-app.ts";

const GOLDEN = new URL("../golden/openapi.json", import.meta.url);

const Document = z.looseObject({
  openapi: z.string(),
  paths: z.record(z.string(), z.record(z.string(), z.unknown())),
});

const database = absentDatabase();
afterAll(() => database.close());
const { app } = testApp({ database, metrics: { render: () => Promise.resolve("") } });

describe("GET /openapi.json", () => {
  // TASKER_UPDATE_GOLDEN=1 writes the file anew.
  it("is the document in test/golden/openapi.json", async () => {
    const text = `${JSON.stringify(await (await app.request("/openapi.json")).json(), null, 2)}\n`;
    if (process.env["TASKER_UPDATE_GOLDEN"] === "1") writeFileSync(GOLDEN, text);
    expect(text).toBe(readFileSync(GOLDEN, "utf8"));
  });

  it("lists every route of the API", async () => {
    const document = Document.parse(await (await app.request("/openapi.json")).json());
    const documented = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    );
    const served = app.routes
      .filter(({ method }) => method !== "ALL")
      .map(({ method, path }) => `${method} ${path.replace(/:(\w+)/g, "{$1}")}`);
    expect(new Set(documented)).toEqual(new Set(served));
  });
});
