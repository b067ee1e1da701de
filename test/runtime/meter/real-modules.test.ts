import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { METER_LIMITS, meterModule } from "../../../src/runtime/prepare/meter/index.ts";

const require = createRequire(import.meta.url);
const jco = join(dirname(require.resolve("@bytecodealliance/jco-transpile/wasm-tools")), "..");

/** Modules of other people's making that the project's dependencies bring along. */
const MODULES = [
  join(jco, "vendor/wasm-tools.core.wasm"),
  join(jco, "vendor/js-component-bindgen-component.core.wasm"),
].filter((path) => existsSync(path));

describe("modules that compilers made", () => {
  it("are there to be tried", () => {
    expect(MODULES.length).toBeGreaterThan(0);
  });

  for (const path of MODULES) {
    it(`stay valid, within 1.6 times their size and far from every cap: ${path.split("/").at(-1)}`, () => {
      const bytes = Uint8Array.from(readFileSync(path));
      const limits = Object.fromEntries(
        Object.entries(METER_LIMITS).map(([cap, value]) => [cap, Math.ceil(value / 2)]),
      );
      const metered = meterModule(bytes, { limits });
      expect(metered.bytes.length / bytes.length).toBeLessThan(1.6);
    });
  }
});

describe("metering", () => {
  it("handles more than 4 MB of module in a second, on a machine that does other things too", () => {
    const bytes = Uint8Array.from(readFileSync(MODULES[0] ?? ""));
    const times = Array.from({ length: 6 }, () => {
      const started = performance.now();
      meterModule(bytes);
      return performance.now() - started;
    });
    expect(bytes.length / 1e6 / (Math.min(...times) / 1e3)).toBeGreaterThan(4);
  });
});
