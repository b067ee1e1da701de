import { execFile } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { METER_LIMITS, meterModule } from "../../../src/runtime/prepare/meter/index.ts";

const execute = promisify(execFile);
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

describe("packages of npm", () => {
  const PROGRAM = join(import.meta.dirname, "real-modules-process.ts");
  const used = async (name: string, how: "plain" | "metered"): Promise<Answer> => {
    const options = { maxBuffer: 64 * 1024 * 1024 };
    const { stdout } = await execute(
      process.execPath,
      ["--disable-warning=ExperimentalWarning", PROGRAM, name, how],
      options,
    );
    return JSON.parse(stdout) as Answer;
  };

  it.each([
    ["sql.js", 1],
    ["esbuild-wasm", 1],
    // The parser and a language that is linked to it while it runs.
    ["@vscode/tree-sitter-wasm", 2],
    ["hash-wasm", 12],
    ["tiktoken", 1],
    ["wasm-tools", 4],
  ])("answer the same when all their modules are metered: %s", async (name, modules) => {
    const plain = await used(name, "plain");
    const metered = await used(name, "metered");
    expect(plain.modules).toBe(0);
    expect(metered.modules).toBe(modules);
    expect(JSON.stringify(plain.answer).length).toBeGreaterThan(500);
    expect(metered.answer).toEqual(plain.answer);
  });
});

interface Answer {
  readonly answer: unknown;
  /** How many were metered. */
  readonly modules: number;
}

/** The processor's time for it, in microseconds: the least of what was measured is what others disturbed least. */
function cpuOf(work: () => unknown): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return user + system;
}

/** Something to hold the time of work on bytes against, done by the same engine on the same core: 50 ms where metering takes 280. */
function hashFourTimes(bytes: Uint8Array): number {
  let hash = 0;
  for (let round = 0; round < 4; round += 1) {
    for (const byte of bytes) hash = (Math.imul(hash, 31) + byte) | 0;
  }
  return hash;
}

describe("metering", () => {
  it("costs less than twelve times what hashing the module four times in JavaScript costs: a second for 4 MB", () => {
    const bytes = Uint8Array.from(readFileSync(MODULES[0] ?? ""));
    const rounds = Array.from({ length: 6 }, () => ({
      metering: cpuOf(() => meterModule(bytes)),
      hashing: cpuOf(() => hashFourTimes(bytes)),
    }));
    const least = (what: "metering" | "hashing"): number => Math.min(...rounds.map((round) => round[what]));
    expect(least("metering") / least("hashing")).toBeLessThan(12);
  });
});
