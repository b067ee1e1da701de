import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { mutantOf, randomOf } from "../../scripts/fuzz/mutants.ts";
import { LIMITS, type Stage, tryMutant } from "../../scripts/fuzz/try-mutant.ts";
import { prepareComponent } from "../../src/runtime/index.ts";

const HANDLERS = `${import.meta.dirname}/../../handlers`;
const good = ["math/linear-as/build/linear_as.wasm", "math/diamond-as/build/diamond_as.wasm"].map(
  (path) => new Uint8Array(readFileSync(`${HANDLERS}/${path}`)),
);

it("forty mutants through both processes end as refusals with codes or as artifacts, and a good component passes after", async () => {
  const random = randomOf(20_261_123);
  const stages = new Set<Stage>();
  for (let index = 0; index < 40; index += 1) stages.add((await tryMutant(mutantOf(good, random).bytes)).stage);
  expect([...stages]).toEqual(expect.arrayContaining(["past the preamble", "past our checks", "artifact"]));
  const [component = new Uint8Array()] = good;
  expect((await prepareComponent(component, LIMITS)).manifest.name).toBe("linear_as");
});

it("the same seed makes the same mutants", () => {
  const first = mutantOf(good, randomOf(3));
  expect(mutantOf(good, randomOf(3))).toEqual(first);
  expect(mutantOf(good, randomOf(4)).bytes).not.toEqual(first.bytes);
});
