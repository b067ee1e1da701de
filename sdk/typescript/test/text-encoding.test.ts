import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Utf8Decoder, Utf8Encoder } from "../src/component/text-encoding.ts";

describe("UTF-8 for engines that have none", () => {
  it("encodes as the platform does", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        expect(Array.from(new Utf8Encoder().encode(text))).toEqual(Array.from(new TextEncoder().encode(text)));
      }),
    );
    expect(Array.from(new Utf8Encoder().encode("\ud800"))).toEqual([0xef, 0xbf, 0xbd]);
  });

  it("decodes as the platform does, broken bytes included", () => {
    // Bytes that are likely to be lead or continuation bytes of something.
    const byte = fc.oneof(
      fc.integer({ min: 0, max: 255 }),
      fc.constantFrom(0xe0, 0xed, 0xf0, 0xf4, 0x80, 0x9f, 0xa0, 0xbf),
    );
    fc.assert(
      fc.property(fc.array(byte, { maxLength: 40 }), (bytes) => {
        const input = Uint8Array.from(bytes);
        expect(new Utf8Decoder().decode(input)).toBe(new TextDecoder().decode(input));
      }),
      { numRuns: 2_000 },
    );
    const long = new TextEncoder().encode("é😀".repeat(5_000));
    expect(new Utf8Decoder().decode(long)).toBe("é😀".repeat(5_000));
  });

  it("refuses broken bytes where it is told to, and other encodings", () => {
    expect(() => new Utf8Decoder("utf-8", { fatal: true }).decode(Uint8Array.of(0xff))).toThrow(TypeError);
    expect(() => new Utf8Decoder("latin1")).toThrow(RangeError);
  });
});
