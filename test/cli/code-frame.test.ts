import { describe, expect, it } from "vitest";
import { codeFrame, placeOfFrame } from "../../src/host/cli/code-frame.ts";

const plain = (_style: string, text: string): string => text;

describe("codeFrame()", () => {
  it("draws the line with its neighbours and a caret below the column", () => {
    expect(codeFrame("one\ntwo\n\tthree\nfour\nfive", { line: 3, column: 4 }, plain)).toEqual([
      "  1 | one",
      "  2 | two",
      "> 3 |   three",
      "    |     ^",
      "  4 | four",
    ]);
  });

  it("draws the first and the last line, and no caret without a column", () => {
    expect(codeFrame("one\ntwo", { line: 1 }, plain)).toEqual(["> 1 | one", "  2 | two"]);
    expect(codeFrame("one\ntwo", { line: 2 }, plain)).toEqual(["  1 | one", "> 2 | two"]);
  });

  it("draws nothing of a line that is not there", () => {
    expect(codeFrame("one", { line: 7 }, plain)).toEqual([]);
  });

  it("lets no escape sequence of the source reach the terminal", () => {
    expect(codeFrame("a\u001b[31mb", { line: 1 }, plain)).toEqual(["> 1 | a\\u{1b}[31mb"]);
  });
});

describe("placeOfFrame()", () => {
  it("reads file, line and column, and knows what is none", () => {
    expect(placeOfFrame("shout (src/index.ts:17:24)")).toEqual({ file: "src/index.ts", line: 17, column: 24 });
    expect(placeOfFrame("(src/index.ts:17)")).toEqual({ file: "src/index.ts", line: 17, column: 0 });
    expect(placeOfFrame("pay (wasm-function[3]:0x1f)")).toBeUndefined();
  });
});
