import { readFileSync, statSync } from "node:fs";
import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { BuildError, buildHandler, type BuildReport, discoverHandlers, isUpToDate } from "@tasker-host/toolchain";
import { SETTINGS, writeHandler } from "./support/write-handler.ts";

const HANDLERS = join(import.meta.dirname, "../../handlers");

/** What QuickJS's library is linked against whether it is called or not; the host answers all of it virtually. */
const QUICKJS_WASI = [
  "wasi:cli/environment@0.2.12",
  "wasi:cli/exit@0.2.12",
  "wasi:cli/stderr@0.2.12",
  "wasi:cli/stdin@0.2.12",
  "wasi:cli/stdout@0.2.12",
  "wasi:cli/terminal-input@0.2.12",
  "wasi:cli/terminal-output@0.2.12",
  "wasi:cli/terminal-stderr@0.2.12",
  "wasi:cli/terminal-stdin@0.2.12",
  "wasi:cli/terminal-stdout@0.2.12",
  "wasi:clocks/monotonic-clock@0.2.12",
  "wasi:clocks/wall-clock@0.2.12",
  "wasi:filesystem/preopens@0.2.12",
  "wasi:filesystem/types@0.2.12",
  "wasi:io/error@0.2.12",
  "wasi:io/poll@0.2.12",
  "wasi:io/streams@0.2.12",
];
const OWN = ["tasker:handler/abort@1.0.0", "tasker:handler/log@1.0.0", "tasker:handler/types@1.0.0"];

async function refusalOf(files: Readonly<Record<string, string>>): Promise<BuildError> {
  await using handler = await writeHandler(files);
  const refused: unknown = await buildHandler(handler.folder).catch((error: unknown) => error);
  if (refused instanceof BuildError) return refused;
  throw new Error(`the build was not refused but gave ${JSON.stringify(refused)}`, { cause: refused });
}

describe("`buildHandler()`", () => {
  it.each(["math/linear-ts", "math/linear-as"])(
    "makes the same bytes of the same sources wherever they lie: %s",
    async (name) => {
      const folder = await mkdtemp(join(tmpdir(), "tasker-another-place-"));
      try {
        await cp(join(HANDLERS, name), folder, { recursive: true, filter: (path) => !path.endsWith("build") });
        const [here, there] = [await buildHandler(join(HANDLERS, name), { force: true }), await buildHandler(folder)];
        expect(there.digest).toBe(here.digest);
        expect(there.sizeBytes).toBe(statSync(here.wasmPath).size);
      } finally {
        await rm(folder, { recursive: true });
      }
    },
  );

  it("imports nothing but the contract, and what QuickJS cannot do without", async () => {
    for (const folder of discoverHandlers(HANDLERS)) {
      const { imports, exports, engine } = await buildHandler(folder);
      const foreign = imports.filter((name) => !OWN.includes(name));
      expect({ folder, foreign }).toEqual({ folder, foreign: engine === "quickjs" ? QUICKJS_WASI : [] });
      expect(exports.filter((name) => name !== "init")).toEqual(["tasker:handler/step-handler@1.0.0"]);
    }
  });

  it("reports what it made, and maps it to sources relative to the folder", async () => {
    const report = await buildHandler(join(HANDLERS, "math/linear-as"));
    expect(report).toMatchObject({
      name: "linear_as",
      version: "1.0.0",
      language: "assemblyscript",
      engine: "none",
      digest: expect.stringMatching(/^[0-9a-f]{64}$/),
      callables: ["linear_as.square", "linear_as.add", "linear_as.multiply", "linear_as.divide"],
    } satisfies Partial<BuildReport>);
    const map = JSON.parse(readFileSync(report.sourceMapPath, "utf8"));
    const place = map.sources.indexOf("src/index.as.ts");
    expect(map.sourcesContent[place]).toBe(readFileSync(join(HANDLERS, "math/linear-as/src/index.as.ts"), "utf8"));
  });

  it("builds JavaScript, dynamic imports and JSON modules as well", async () => {
    await using handler = await writeHandler({
      "handler.toml": SETTINGS.replace("typescript", "javascript").replace("index.ts", "index.js"),
      "src/index.js": `import { defineHandlers } from "@tasker-host/sdk";
        import data from "./data.json" with { type: "json" };
        export default defineHandlers({ one: async () => (await import("./lazy.js")).lazy + data.two });`,
      "src/lazy.js": "export const lazy = 40;",
      "src/data.json": `{ "two": 2 }`,
    });
    const { callables, language } = await buildHandler(handler.folder);
    expect({ callables, language }).toEqual({ callables: ["one"], language: "javascript" });
  });

  it("knows what is up to date, and builds again what is not", async () => {
    await using handler = await writeHandler({ "src/other.ts": "export const other = 1;" });
    expect(await isUpToDate(handler.folder)).toBe(false);
    const first = await buildHandler(handler.folder);
    expect(await isUpToDate(handler.folder)).toBe(true);
    expect(await buildHandler(handler.folder)).toEqual(first);

    await handler.write("src/other.ts", "export const other = 2;");
    expect(await isUpToDate(handler.folder), "a file that is not imported").toBe(true);
    await handler.write("build/temporary.wasm", "something else");
    expect(await isUpToDate(handler.folder), "another component in its place").toBe(false);
    await handler.write(
      "src/index.ts",
      `import { defineHandlers } from "@tasker-host/sdk";\nimport { other } from "./other.ts";\nexport default defineHandlers({ two: () => other });\n`,
    );
    const second = await buildHandler(handler.folder);
    expect(second.callables).toEqual(["two"]);
    await handler.write("src/other.ts", "export const other = 3;");
    expect(await isUpToDate(handler.folder), "an imported file").toBe(false);
  });
});

describe("`BuildError` names file, line and column", () => {
  it.each<[problem: string, files: Record<string, string>, wanted: Partial<BuildError>]>([
    [
      "no settings that are TOML",
      { "handler.toml": 'name = "a\n' },
      { code: "TSK_BUILD_CONFIG", file: "handler.toml", line: 1 },
    ],
    [
      "an unknown key",
      { "handler.toml": `${SETTINGS}memory = 3\n` },
      { code: "TSK_BUILD_CONFIG", line: 5, found: 'the unknown key "memory"' },
    ],
    [
      "a bad version",
      { "handler.toml": SETTINGS.replace("1.0.0", "one") },
      { code: "TSK_BUILD_CONFIG", line: 2, found: 'version = "one"' },
    ],
    [
      "an unknown language",
      { "handler.toml": SETTINGS.replace("typescript", "rust") },
      { code: "TSK_BUILD_CONFIG", line: 3, accepted: '"typescript" or "javascript" or "assemblyscript"' },
    ],
    [
      "an entry outside the folder",
      { "handler.toml": SETTINGS.replace("src/index.ts", "src/../../etc/passwd") },
      { code: "TSK_BUILD_CONFIG", line: 4 },
    ],
    [
      "a capability that there is not",
      { "handler.toml": `${SETTINGS}capabilities = ["log", "sockets"]\n` },
      { code: "TSK_BUILD_CONFIG", line: 5, found: '"sockets"' },
    ],
    [
      "an engine for AssemblyScript",
      { "handler.toml": `${SETTINGS.replace("typescript", "assemblyscript")}engine = "quickjs"\n` },
      { code: "TSK_BUILD_CONFIG", line: 5 },
    ],
    [
      "a syntax error",
      { "src/index.ts": "export default {\n  a: 1,\n  b: ) }" },
      { code: "TSK_BUILD_SOURCE", file: "src/index.ts", line: 3 },
    ],
    [
      "an import that leads nowhere",
      { "src/index.ts": 'import { a } from "nowhere";\nexport default a;' },
      { code: "TSK_BUILD_IMPORT", file: "src/index.ts" },
    ],
    [
      "an import of Node.js",
      { "src/index.ts": 'import { readFileSync } from "node:fs";\nexport default readFileSync;' },
      { code: "TSK_BUILD_IMPORT", file: "src/index.ts" },
    ],
    [
      "a top level that throws",
      {
        "src/index.ts":
          'function top(n: number): never {\n  throw new TypeError("at the top" + n);\n}\nexport default top(1);',
      },
      { code: "TSK_BUILD_EVALUATION", file: "src/index.ts", line: 2, found: expect.stringContaining("at the top1") },
    ],
    [
      "a top level that throws behind its handlers, where a bundler sees that nothing comes after",
      {
        "src/index.ts":
          'import { defineHandlers } from "@tasker-host/sdk";\nexport default defineHandlers({ one: () => 1 });\n\nthrow new Error("boom");\n',
      },
      { code: "TSK_BUILD_EVALUATION", file: "src/index.ts", line: 4, found: expect.stringContaining("boom") },
    ],
    [
      "an entry that exports nothing",
      { "src/index.ts": "export const one = 1;" },
      { code: "TSK_BUILD_SOURCE", file: "src/index.ts", found: '"default" is not exported by "src/index.ts".' },
    ],
    [
      "an entry without handlers",
      { "src/index.ts": "export default { one: () => 1 };" },
      {
        code: "TSK_BUILD_EVALUATION",
        found: expect.stringContaining("its default export is not the result of defineHandlers"),
      },
    ],
    [
      "AssemblyScript that does not compile",
      {
        "handler.toml": SETTINGS.replace("typescript", "assemblyscript"),
        "src/index.ts": 'import { register } from "@tasker-host/sdk-assemblyscript";\nconst wrong: i32 = "text";\n',
      },
      { code: "TSK_BUILD_SOURCE", file: "src/index.ts", line: 2, column: 20 },
    ],
    [
      "AssemblyScript whose top level throws",
      {
        "handler.toml": SETTINGS.replace("typescript", "assemblyscript"),
        "src/index.ts": `import { Outcome, register, StepContext, permanent } from "@tasker-host/sdk-assemblyscript";
register("twice", (step: StepContext): Outcome => permanent("no"));
register("twice", (step: StepContext): Outcome => permanent("no"));`,
      },
      { code: "TSK_BUILD_EVALUATION", found: 'Cannot register "twice": it is registered already' },
    ],
    [
      "AssemblyScript that registers nothing",
      { "handler.toml": SETTINGS.replace("typescript", "assemblyscript"), "src/index.ts": "export const one = 1;" },
      { code: "TSK_BUILD_EVALUATION", found: "no callables" },
    ],
    [
      "AssemblyScript that wants the host's clock",
      {
        "handler.toml": SETTINGS.replace("typescript", "assemblyscript"),
        "src/index.ts": `import { Json, Outcome, register, StepContext, success } from "@tasker-host/sdk-assemblyscript";
          register("now", (step: StepContext): Outcome => success(Json.int(Date.now())));`,
      },
      { code: "TSK_BUILD_IMPORT", found: 'the import "env.Date.now"', accepted: "step.nowMs" },
    ],
  ])("of %s", async (_problem, files, wanted) => {
    expect(await refusalOf(files)).toMatchObject(wanted);
  });

  it("of a folder that is none", async () => {
    await expect(buildHandler("/nowhere/at/all")).rejects.toMatchObject({ code: "TSK_BUILD_CONFIG" });
  });
});
