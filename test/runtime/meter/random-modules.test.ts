import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { observeMetered, observePlain } from "./differential.ts";
import { randomModule } from "./wasm-text.ts";

/** How many random modules to try; each takes binaryen about a third of a second. */
const SEEDS = Number(process.env["TASKER_METER_SEEDS"] ?? 24);
const FIRST_SEED = Number(process.env["TASKER_METER_FIRST_SEED"] ?? 0);
const SEED_BYTES = 12_000;
const AT_ONCE = 12;

/** Off: what metering refuses by policy. */
const FEATURES = [
  "-all",
  ...[
    "gc",
    "memory64",
    "threads",
    "relaxed-simd",
    "strings",
    "stack-switching",
    "shared-everything",
    "custom-descriptors",
    "fp16",
    "multibyte",
    "relaxed-atomics",
    "custom-page-sizes",
    "wide-arithmetic",
    "compact-imports",
  ].map((feature) => `--disable-${feature}`),
];

function moduleOf(seed: number): Uint8Array<ArrayBuffer> {
  const blocks = Array.from({ length: Math.ceil(SEED_BYTES / 64) }, (_, block) =>
    createHash("sha512").update(`${seed}:${block}`).digest(),
  );
  // V8 refuses modules that mix the encodings of exception handling.
  const exceptions = seed % 3 === 0 ? "--disable-exception-handling" : "--emit-exnref";
  return randomModule(Buffer.concat(blocks), [...FEATURES, exceptions]);
}

/** What is wrong with the module of a seed, or nothing. */
function difference(seed: number): string | undefined {
  const bytes = moduleOf(seed);
  if (!WebAssembly.validate(bytes)) return `seed ${seed}: binaryen made an invalid module`;
  const [plain, first, second] = [observePlain(bytes), observeMetered(bytes), observeMetered(bytes)];
  if (plain.overflowed || first.overflowed) return undefined;
  const at = plain.events.findIndex((event, index) => event !== first.events[index]);
  if (at >= 0) return `seed ${seed}: plain "${plain.events[at]}", metered "${first.events[at]}"`;
  if (first.fuel.join() !== second.fuel.join())
    return `seed ${seed}: fuel ${first.fuel.at(-1)} and ${second.fuel.at(-1)}`;
  return undefined;
}

describe("random valid modules", () => {
  for (let from = FIRST_SEED; from < FIRST_SEED + SEEDS; from += AT_ONCE) {
    const to = Math.min(from + AT_ONCE, FIRST_SEED + SEEDS);
    it(`do the same metered as plain, for the same fuel each time (seeds ${from} to ${to - 1})`, () => {
      const seeds = Array.from({ length: to - from }, (_, index) => from + index);
      expect(seeds.map(difference).filter((found) => found !== undefined)).toEqual([]);
    });
  }
});
