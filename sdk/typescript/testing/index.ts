/**
 * Tests of handlers in the real sandbox, for vitest:
 *
 * ```ts
 * const handler = await loadHandler(new URL("..", import.meta.url));
 *
 * it("greets by name", async () => {
 *   const run = await handler.run("greeter.compose", { context: { name: "Ada" } });
 *   expect(run.outcome).toEqual({ outcome: "success", result: { text: "Hello, Ada" } });
 *   expectFuel(run);
 * });
 * ```
 */
export { expectFuel } from "./expect-fuel.ts";
export { type HandlerRun, type HandlerUnderTest, loadHandler, type StepInput } from "./load-handler.ts";
