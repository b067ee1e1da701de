import { expect, it } from "vitest";
import { checkpointText, parseCheckpoint } from "../../src/host/domain/checkpoint.ts";

it("checkpointText() and parseCheckpoint() keep a cursor beyond 2^53", () => {
  const yielded = { cursorJson: '{"id":9007199254740993}', itemsProcessed: 25, accumulatedJson: '{"sum":1.50}' };
  expect(parseCheckpoint(checkpointText(yielded, 0))).toEqual(yielded);
});

it("parseCheckpoint() knows no accumulated results where none were left", () => {
  const yielded = { cursorJson: "7", itemsProcessed: 1 };
  expect(parseCheckpoint(checkpointText(yielded, 0))).toEqual({ ...yielded, accumulatedJson: undefined });
});
