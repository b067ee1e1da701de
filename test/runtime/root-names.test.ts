/** What the host reads of a component by itself, against the reader of everything, which runs in a disposable process. */
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { mutantOf, randomOf } from "../../scripts/fuzz/mutants.ts";
import { isTaskerError } from "../../src/core/errors/index.ts";
import { readComponent } from "../../src/runtime/component/read-component.ts";
import { type RootNames, rootNames } from "../../src/runtime/component/root-names.ts";
import { cpuMsOf } from "./support/cpu-ms.ts";

const HANDLERS = `${import.meta.dirname}/../../handlers`;
const good = [
  "math/linear-as/build/linear_as.wasm",
  "math/diamond-as/build/diamond_as.wasm",
  "math/linear-ts/build/linear_ts.wasm",
].map((path) => new Uint8Array(readFileSync(`${HANDLERS}/${path}`)));

/** The names that the reader of everything finds; undefined where it refuses the component. */
function namesOfAll(bytes: Uint8Array): RootNames | undefined {
  try {
    const { definitions } = readComponent(bytes);
    const named = (kind: "import" | "export"): string[] =>
      definitions.flatMap((definition) => (definition.kind === kind ? [definition.name] : []));
    return { imports: named("import"), exports: named("export") };
  } catch (error) {
    if (isTaskerError(error)) return undefined;
    throw error;
  }
}

/** The names, or that the component is refused; no other exception. */
function namesHere(bytes: Uint8Array): RootNames | undefined {
  try {
    return rootNames(bytes);
  } catch (error) {
    if (isTaskerError(error)) return undefined;
    throw error;
  }
}

describe("rootNames()", () => {
  it("finds what the reader of everything finds", () => {
    for (const bytes of good) {
      const names = rootNames(bytes);
      expect(names).toEqual(namesOfAll(bytes));
      expect(names.imports).toContain("tasker:handler/types@1.0.0");
      expect(names.exports).toContain("tasker:handler/step-handler@1.0.0");
    }
  });

  it("finds the same in 3,000 mutants wherever that one accepts them, and fails by a refusal only", () => {
    const random = randomOf(20_261_124);
    let accepted = 0;
    for (let index = 0; index < 3_000; index += 1) {
      const { bytes } = mutantOf(good.slice(0, 2), random);
      const all = namesOfAll(bytes);
      const here = namesHere(bytes);
      if (all === undefined) continue;
      accepted += 1;
      expect(here).toEqual(all);
    }
    expect(accepted).toBeGreaterThan(100);
  });

  it("answers any bytes behind the preamble with names or a refusal", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (tail) => {
        const bytes = Uint8Array.of(0, 0x61, 0x73, 0x6d, 0x0d, 0, 1, 0, ...tail);
        const all = namesOfAll(bytes);
        expect(all === undefined || namesHere(bytes) !== undefined).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });

  it("passes over 32 MB of other sections without reading them", () => {
    const size = [0x80, 0x80, 0x80, 0x10];
    const bytes = new Uint8Array(33_554_432 + 13);
    bytes.set([0, 0x61, 0x73, 0x6d, 0x0d, 0, 1, 0, 2, ...size]);
    const tookMs = cpuMsOf(() => expect(rootNames(bytes)).toEqual({ imports: [], exports: [] }));
    expect(tookMs).toBeLessThan(100);
  });
});
