/** One random module, plain and metered: for the test, and for `npm run fuzz:meter`. */
import { createHash } from "node:crypto";
import { observeMetered, observePlain } from "./differential.ts";
import { randomModule } from "./wasm-text.ts";

const SEED_BYTES = 12_000;

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

export interface Compared {
  readonly verdict: "same" | "invalid" | "overflowed" | "difference" | "fuel-difference";
  /** What differs. */
  readonly found?: string;
}

/** Holds the module of a seed against itself metered, and two metered runs against each other. */
export function compareSeed(seed: number): Compared {
  const bytes = moduleOf(seed);
  if (!WebAssembly.validate(bytes)) return { verdict: "invalid", found: "binaryen made an invalid module" };
  const [plain, first, second] = [observePlain(bytes), observeMetered(bytes), observeMetered(bytes)];
  if (plain.overflowed || first.overflowed) return { verdict: "overflowed" };
  const at = plain.events.findIndex((event, index) => event !== first.events[index]);
  if (at >= 0) return { verdict: "difference", found: `plain "${plain.events[at]}", metered "${first.events[at]}"` };
  if (first.fuel.join() !== second.fuel.join()) {
    return { verdict: "fuel-difference", found: `fuel ${first.fuel.at(-1)} and ${second.fuel.at(-1)}` };
  }
  return { verdict: "same" };
}

function moduleOf(seed: number): Uint8Array<ArrayBuffer> {
  const blocks = Array.from({ length: Math.ceil(SEED_BYTES / 64) }, (_, block) =>
    createHash("sha512").update(`${seed}:${block}`).digest(),
  );
  // V8 refuses modules that mix the encodings of exception handling.
  const exceptions = seed % 3 === 0 ? "--disable-exception-handling" : "--emit-exnref";
  // Without NaNs: a plain run keeps their bits, a metered one makes them canonical (`canonical-nan.test.ts`).
  return randomModule(Buffer.concat(blocks), [...FEATURES, exceptions, "--denan"]);
}
