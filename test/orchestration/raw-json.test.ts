import fc from "fast-check";
import { expect, it } from "vitest";
import { RawJson, renderJson } from "../../src/host/orchestration/raw-json.ts";

it("renderJson() splices text in verbatim, at any depth", () => {
  const context = new RawJson('{"n":12345678901234567890,"f":1.10}');
  expect(renderJson({ tasks: [{ context, name: 'a"b' }], none: undefined, nothing: null })).toBe(
    '{"tasks":[{"context":{"n":12345678901234567890,"f":1.10},"name":"a\\"b"}],"nothing":null}',
  );
});

it("renderJson() writes plain JSON values as JSON.stringify() does", () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      expect(renderJson(value)).toBe(JSON.stringify(value));
    }),
  );
});
