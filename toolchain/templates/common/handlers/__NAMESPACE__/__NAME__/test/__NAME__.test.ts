import { expectFuel, loadHandler } from "@tasker-host/sdk/testing";
import { describe, expect, it } from "vitest";

const handler = await loadHandler(new URL("..", import.meta.url));

describe("__NAME__.compose", () => {
  it("greets by name, at a price that changes only when the code does", async () => {
    const run = await handler.run("__NAME__.compose", { context: { name: "Grace" } });
    expect(run.outcome).toEqual({ outcome: "success", result: { text: "Hello, Grace" } });
    expectFuel(run);
  });
});
