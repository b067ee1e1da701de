import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { displayWidth, padTo, printable, truncate } from "../../src/host/cli/printable.ts";

describe("printable()", () => {
  it("shows escape sequences instead of sending them to the terminal", () => {
    expect(printable("\u001b[2J\u001b]0;title\u0007 \u009b31m")).toBe("\\u{1b}[2J\\u{1b}]0;title\\u{7} \\u{9b}31m");
  });

  it("shows what would reverse or hide the text", () => {
    expect(printable("a\u202eb\u2066c\u00ad\ufeff")).toBe("a\\u{202e}b\\u{2066}c\\u{ad}\\u{feff}");
    expect(printable("\ud800")).toBe("\\u{d800}");
  });

  it("makes one line of several, and leaves other scripts and joined emoji alone", () => {
    expect(printable("a\nb\tc\r")).toBe("a b c ");
    expect(printable("naïve 漢字 👩‍👩‍👧 می‌خواهم")).toBe("naïve 漢字 👩‍👩‍👧 می‌خواهم");
  });

  it("lets no control character through, whatever it gets", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 20 }), (text) => {
        expect(printable(text)).not.toMatch(/[\p{Cc}\p{Cs}\p{Zl}\p{Zp}]/u);
      }),
    );
  });
});

describe("displayWidth()", () => {
  it.each([
    ["abc", 3],
    ["naïve", 5],
    ["cafe\u0301", 4],
    ["漢字", 4],
    ["🎉", 2],
    ["👩‍👩‍👧", 2],
    ["", 0],
  ])("of %j is %i", (text, width) => expect(displayWidth(text)).toBe(width));
});

describe("truncate()", () => {
  it("cuts between graphemes and says so", () => {
    expect(truncate("漢字漢字", 5)).toBe("漢字…");
    expect(truncate("abcdef", 4)).toBe("abc…");
    expect(truncate("abcd", 4)).toBe("abcd");
    expect(truncate("abcd", 0)).toBe("");
  });

  it("never gives more columns than it may", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), fc.nat(20), (text, width) => {
        expect(displayWidth(truncate(printable(text), width))).toBeLessThanOrEqual(width);
      }),
    );
  });
});

it("padTo() fills up by columns, not by characters", () => {
  expect(padTo("漢", 4)).toBe("漢  ");
});
