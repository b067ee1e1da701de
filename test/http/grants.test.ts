import { afterAll, describe, expect, it } from "vitest";
import { ErrorSchema } from "../../src/host/http/schemas/errors.ts";
import { absentDatabase } from "./support/absent-database.ts";
import { testApp } from "./support/test-app.ts";

const database = absentDatabase();
afterAll(() => database.close());
const { app } = testApp({ database });

const CAPABILITIES = 'an array of capabilities such as "log", or null for the host\'s default';
const NUMBER = "a whole number, or null for the host's default";

describe("PATCH /v1/namespaces/{namespace}/grants", () => {
  it.each([
    ["[]", "the body is []", '{"capabilities": ["log", "wasi"], "limits": {"fuel": 1000000, "deadline_ms": null}}'],
    ['{"capabilities":"log"}', '"capabilities" is "log"', CAPABILITIES],
    ['{"capabilities":[1]}', '"capabilities.0" is 1', CAPABILITIES],
    ['{"capabilities":[],"limits":{"fuel":"1"}}', '"limits.fuel" is "1"', NUMBER],
    ['{"capabilities":[],"limits":{"fuel":1.5}}', '"limits.fuel" is 1.5', NUMBER],
    ['{"capabilities":[],"limits":7}', '"limits" is 7', expect.stringMatching(/^an object of fuel, max_memory_bytes/)],
    [
      '{"capabilities":[],"limits":{"fule":1}}',
      'unknown member "limits.fule"',
      expect.stringMatching(/^an object of fuel, max_memory_bytes/),
    ],
    [
      '{"capabilities":[],"limit":{}}',
      'unknown member "limit"',
      '{"capabilities": ["log", "wasi"], "limits": {"fuel": 1000000, "deadline_ms": null}}',
    ],
  ])("refuses %s in words of ours", async (body, found, accepted) => {
    const headers = { "content-type": "application/json" };
    const response = await app.request("/v1/namespaces/flows/grants", { method: "PATCH", headers, body });
    const { error } = ErrorSchema.parse(await response.json());
    expect({ status: response.status, ...error }).toMatchObject({
      status: 400,
      tsk_code: "TSK_REQUEST_INVALID",
      found,
      accepted,
    });
    expect(error.message).not.toMatch(/Invalid input|Unrecognized|received/);
  });
});
