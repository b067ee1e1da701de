import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { newApiToken, parseApiToken, sameHash } from "../../src/host/identity/api-token.ts";

describe("`newApiToken()`", () => {
  it("makes a token that scanners recognise, with 256 random bits", () => {
    const { text, handle } = newApiToken();
    expect(text).toMatch(/^tskh_[0-9A-Za-z]{8}_[0-9A-Za-z]{49}$/);
    expect(text.slice(5, 13)).toBe(handle);
    expect(43 * Math.log2(62)).toBeGreaterThan(256);
  });

  it("never makes the same twice", () => {
    const made = Array.from({ length: 1_000 }, newApiToken);
    expect(new Set(made.map(({ text }) => text)).size).toBe(1_000);
    expect(new Set(made.map(({ handle }) => handle)).size).toBe(1_000);
  });

  it("is read back as what it was made of", () => {
    const { text, handle, secretHash } = newApiToken();
    expect(parseApiToken(text)).toEqual({ handle, secretHash });
  });
});

describe("`parseApiToken()`", () => {
  it("tells a token in which a character changed, was lost or was added, without asking anybody", () => {
    const { text } = newApiToken();
    fc.assert(
      fc.property(fc.nat(text.length - 1), fc.constantFrom("0", "a", "Z", "_", "-", "é"), (at, character) => {
        const changed = text.slice(0, at) + character + text.slice(at + 1);
        expect(parseApiToken(changed) === undefined).toBe(changed !== text);
        expect(parseApiToken(text.slice(0, at) + text.slice(at + 1))).toBeUndefined();
        expect(parseApiToken(text.slice(0, at) + character + text.slice(at))).toBeUndefined();
      }),
    );
  });

  it.each(["", "tskh_", `tskh_${"a".repeat(8)}_${"a".repeat(49)}`, "tskh_\u0000", "x".repeat(100_000)])(
    "knows no token in %j",
    (text) => {
      expect(parseApiToken(text)).toBeUndefined();
    },
  );
});

describe("`sameHash()`", () => {
  it("compares whole hashes only", () => {
    const one = newApiToken().secretHash;
    expect(sameHash(one, Buffer.from(one))).toBe(true);
    expect(sameHash(one, newApiToken().secretHash)).toBe(false);
    expect(sameHash(one, one.subarray(0, 31))).toBe(false);
  });
});
