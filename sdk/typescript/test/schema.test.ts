import { describe, expect, expectTypeOf, it } from "vitest";
import { z } from "zod";
import { defineHandlers, handler, type OutputOf, PermanentError } from "@tasker-host/sdk";
import { validate } from "../src/schema.ts";

const zod = z.object({ n: z.int(), tag: z.string().default("none") });
const standard = {
  "~standard": {
    version: 1,
    vendor: "test",
    validate: (value: unknown) =>
      value === 1 ? { value: "one" } : { issues: [{ message: "is not one", path: [{ key: "a" }, 0] }] },
    types: undefined as undefined | { readonly output: string },
  },
} as const;
const parsing = {
  parse(value: unknown): number {
    if (typeof value !== "number") throw new TypeError("not a number");
    return value + 1;
  },
};

describe("`validate()`", () => {
  it("accepts zod, the Standard Schema and anything with `parse`, and gives what they make of the value", () => {
    expect(validate(zod, { n: 1 }, "it")).toEqual({ n: 1, tag: "none" });
    expect(validate(standard, 1, "it")).toBe("one");
    expect(validate(parsing, 1, "it")).toBe(2);
  });

  it.each([
    ["zod", zod, { n: "x", tag: 2 }, /^Cannot accept it: n: .*; tag: /],
    ["Standard Schema", standard, 2, /^Cannot accept it: a\.0: is not one$/],
    ["parse", parsing, "x", /^Cannot accept it: not a number$/],
  ])("refuses by %s for good, with every issue", (_kind, schema, value, message) => {
    expect(() => validate(schema, value, "it")).toThrow(message);
    expect(() => validate(schema, value, "it")).toThrow(PermanentError);
  });

  it("refuses schemas that answer by a promise", () => {
    const slow = { "~standard": { validate: () => Promise.resolve({ value: 1 }) } };
    expect(() => validate(slow, 1, "it")).toThrow("its schema answers by a promise");
  });
});

describe("`handler()`", () => {
  it("types input and config by their schemas", () => {
    expectTypeOf<OutputOf<typeof zod>>().toEqualTypeOf<{ n: number; tag: string }>();
    expectTypeOf<OutputOf<typeof standard>>().toEqualTypeOf<string>();
    expectTypeOf<OutputOf<typeof parsing>>().toEqualTypeOf<number>();
    const handlers = defineHandlers({
      typed: handler({ input: zod, config: parsing }, (step) => {
        expectTypeOf(step.input.tag).toEqualTypeOf<string>();
        expectTypeOf(step.config).toEqualTypeOf<number>();
        expectTypeOf(step.dependency("other", zod).n).toEqualTypeOf<number>();
        expectTypeOf(step.dependency<{ readonly a: 1 }>("other").a).toEqualTypeOf<1>();
      }),
    });
    expect([...handlers.byCallable.keys()]).toEqual(["typed"]);
  });

  it("wants at least one callable", () => {
    expect(() => defineHandlers({})).toThrow("Cannot define handlers: found none");
  });
});
