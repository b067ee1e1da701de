import { execFile } from "node:child_process";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { type CliRun, runCli } from "./support/run-cli.ts";

// Builds beside other builds.
vi.setConfig({ testTimeout: 300_000 });

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "tasker-authoring-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const cli = (args: readonly string[], cwd = folder): Promise<CliRun> => runCli(args, { cwd });

/** npm as a user's shell would run it: nothing of this test run's own npm about it. */
function npm(args: readonly string[], cwd: string): Promise<{ readonly stdout: string; readonly stderr: string }> {
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("npm_")));
  return promisify(execFile)("npm", [...args], { cwd, env: { ...env, CI: "" } });
}

describe("tasker-host new", () => {
  it.each(["ts", "js"])("makes a project in %s that is green without a further word", async (lang) => {
    const name = `greeter_${lang}`;
    const made = await cli(["new", name, "--lang", lang]);
    expect(made).toMatchObject({ code: 0, stderr: "" });
    const tested = await cli(["test"], join(folder, name));
    expect(tested.stdout).toMatch(/3 fixtures passed, 1 vitest test passed, 1 snapshot written/);
    expect(tested.code).toBe(0);
  });

  it.each(["ts", "js", "as"])("fills every blank of the files in %s", async (lang) => {
    const name = `blank_${lang}`;
    await cli(["new", name, "--lang", lang, "--namespace", "letters"]);
    const files = readdirSync(join(folder, name), { recursive: true, withFileTypes: true }).filter((file) =>
      file.isFile(),
    );
    expect(files.length).toBeGreaterThan(10);
    for (const file of files) {
      const path = join(file.parentPath, file.name);
      // Markdown's formatters make bold text of what stands between two underscores.
      const blanks = /(__|\*\*)[A-Z]+\1/;
      expect([path, blanks.exec(path.slice(folder.length)), blanks.exec(readFileSync(path, "utf8"))]).toEqual([
        path,
        null,
        null,
      ]);
    }
    const spoken = { ts: "TypeScript", js: "JavaScript", as: "AssemblyScript" }[lang];
    const readme = readFileSync(join(folder, name, "README.md"), "utf8");
    expect(readme).toContain(`# ${name}\n\nStep handlers for tasker-host, written in ${spoken}.`);
  });

  it("leaves npm the command, whatever is in the PATH", async () => {
    const made = await cli(["new", "by_npm", "--lang", "as"]);
    expect(made.stdout).toContain("Next:\n  cd by_npm\n  npm test\n  npm run dev\n");
    const project = join(folder, "by_npm");
    expect((await npm(["test", "--silent", "--", "--no-vitest"], project)).stdout).toContain("3 fixtures passed");
    expect((await npm(["exec", "--no", "tasker-host", "--", "--version"], project)).stdout).toMatch(
      /^\d+\.\d+\.\d+\n$/,
    );
    // Moved to another machine, or made anew by `npm ci`: the next test puts it back.
    await rm(join(project, "node_modules"), { recursive: true });
    await cli(["test", "--no-vitest"], project);
    expect((await npm(["run", "build", "--silent"], project)).stdout).toContain("by_npm 1.0.0  sha256:");
  });

  it.each([
    ["Greeter", "the name"],
    ["../greeter", "the name"],
    ["greeter-two", "the name"],
    ["", "the name"],
    ["a".repeat(65), "the name"],
  ])("refuses the name %j and writes nothing", async (name, found) => {
    const before = readdirSync(folder);
    const run = await cli(["new", "--lang", "as", "--", name]);
    expect(run).toMatchObject({ code: 2, stdout: "" });
    expect(run.stderr).toContain(`TSK_PROJECT_NAME_INVALID: Cannot make the project: ${found}`);
    expect(readdirSync(folder)).toEqual(before);
  });

  it("refuses a namespace that could name no queue", async () => {
    const run = await cli(["new", "fine", "--lang", "as", "--namespace", "Not-Fine"]);
    expect(run.stderr).toContain('the namespace "Not-Fine"');
    expect(existsSync(join(folder, "fine"))).toBe(false);
  });

  it("leaves a folder alone that exists, even an empty one", async () => {
    await mkdir(join(folder, "taken"));
    const run = await cli(["new", "taken", "--lang", "ts"]);
    expect(run.stderr).toContain("TSK_PROJECT_EXISTS");
    expect(readdirSync(join(folder, "taken"))).toEqual([]);
    expect(readdirSync(folder).filter((name) => name.endsWith(".new"))).toEqual([]);
  });
});

describe("tasker-host test", () => {
  let project: string;
  let handler: string;
  beforeAll(async () => {
    project = join(folder, "greeter_as");
    handler = join(project, "handlers/letters/greeter_as");
    await cli(["new", "greeter_as", "--lang", "as", "--namespace", "letters"]);
  });

  function writeFixture(name: string, fixture: unknown): string {
    const path = join(handler, "fixtures", `${name}.json`);
    writeFileSync(path, JSON.stringify(fixture, null, 2));
    return path;
  }

  it("prints outcome, price and log of each fixture, and passes", async () => {
    const { stdout, code } = await cli(["test", "--no-vitest"], project);
    expect(stdout).toMatch(/^greeter_as 1\.0\.0 {2}sha256:[0-9a-f]{12}$/m);
    expect(stdout).toMatch(/ ✔ shout +[\d,]+ fuel, \d+ kB, \d+ ms {2}success \{"text":"HELLO, ADA!"\}/);
    expect(stdout).toContain('     info  Shouting {"characters":10}');
    expect(stdout).toMatch(/^3 fixtures passed {2}in /m);
    expect(code).toBe(0);
  });

  it("shows the path of what differs, and --update writes what came out", async () => {
    const path = writeFixture("wrong", {
      callable: "greeter_as.compose",
      context: { name: "Ada" },
      expect: { result: { text: "Bye, Ada" }, fuel: 1 },
    });
    const failed = await cli(["test", "--no-vitest"], project);
    expect(failed.stdout).toContain('     result.text\n       expected  "Bye, Ada"\n       actual    "Hello, Ada"\n');
    expect(failed.stdout).toMatch(/ {5}fuel {2}\+\d+\.\d %\n {7}expected {2}1\n {7}actual {4}\d+\n/);
    expect(failed.code).toBe(1);

    expect((await cli(["test", "--no-vitest", "--update"], project)).stdout).toContain("3 fixtures passed, 1 updated");
    const written = JSON.parse(readFileSync(path, "utf8")) as { expect: { result: unknown; fuel: number } };
    expect(written.expect.result).toEqual({ text: "Hello, Ada" });
    expect(written.expect.fuel).toBeGreaterThan(10_000);
    expect((await cli(["test", "--no-vitest"], project)).stdout).toContain("4 fixtures passed");
    await rm(path);
  });

  it("prints one JSON object for each fixture with --json", async () => {
    const { stdout } = await cli(["test", "--json"], project);
    const lines = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines.map(({ fixture, passed }) => [fixture, passed])).toEqual([
      ["compose", true],
      ["compose_without_name", true],
      ["shout", true],
    ]);
    expect(lines[0]).toMatchObject({ actual: { outcome: "success", result: { text: "Hello, Ada" } } });
  });

  it("names the function, the file and the line of compiled code that trapped or threw", async () => {
    const source = join(handler, "src/index.as.ts");
    const before = readFileSync(source, "utf8");
    const lines = before.trimEnd().split("\n").length;
    const added = [
      "function risky(n: i32): i32 {", // +1
      '  if (n == 1) throw new Error("one is unlucky");', // +2
      "  const list = [10, 20];", // +3
      "  if (n == 2) return list[n];", // +4
      "  return 100 / n;", // +5
      "}",
      'register("greeter_as.risky", (step: StepContext): Outcome =>',
      '  success(Json.int(risky(i32(step.input.get("n").asI64())))));',
    ];
    writeFileSync(source, `${before.trimEnd()}\n${added.join("\n")}\n`);
    const paths = [0, 1, 2].map((n) =>
      writeFixture(`risky_${n}`, { callable: "greeter_as.risky", context: { n }, expect: { result: 7 } }),
    );
    const { stdout } = await cli(["test", "--json"], project);
    const runs = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { fixture: string; backtrace: string[]; actual: { outcome: string } });
    const told = runs
      .filter(({ fixture }) => fixture.startsWith("risky"))
      .map(({ actual, backtrace }) => [actual.outcome, backtrace[0]]);
    expect(told).toEqual([
      ["trap", expect.stringMatching(new RegExp(`^\\S+ \\(src/index\\.as\\.ts:${lines + 5}:\\d+\\)$`))],
      ["failure", expect.stringMatching(new RegExp(`^\\S+ \\(src/index\\.as\\.ts:${lines + 2}:\\d+\\)$`))],
      ["failure", expect.stringMatching(new RegExp(`^\\S+ \\(src/index\\.as\\.ts:${lines + 4}:\\d+\\)$`))],
    ]);
    for (const path of paths) await rm(path);
    writeFileSync(source, before);
  });

  it("names the function and the line of compiled code that hit a limit", async () => {
    const source = join(handler, "src/index.as.ts");
    const before = readFileSync(source, "utf8");
    const lines = before.trimEnd().split("\n").length;
    const added = [
      "function spin(n: i32): i32 {", // +1
      "  const seen = new StaticArray<i32>(8);", // +2
      "  while (true) {", // +3
      "    seen[n & 7] += 1;", // +4
      "  }",
      "}",
      "function deeper(n: i32): i32 {", // +7
      "  return n + deeper(n + 1) + deeper(n + 2);", // +8
      "}",
      "function hoard(n: i32): i32 {", // +10
      "  const all: StaticArray<u8>[] = [];", // +11
      "  while (true) all.push(new StaticArray<u8>(n));", // +12
      "}",
      'register("greeter_as.limits", (step: StepContext): Outcome => {',
      '  const n = i32(step.input.get("n").asI64());',
      "  return success(Json.int(n == 0 ? spin(n) : n == 1 ? deeper(n) : hoard(65536)));",
      "});",
    ];
    writeFileSync(source, `${before.trimEnd()}\n${added.join("\n")}\n`);
    const paths = [0, 1, 2].map((n) =>
      writeFixture(`limit_${n}`, {
        callable: "greeter_as.limits",
        context: { n },
        limits: { fuel: 10_000_000, memory_bytes: 2_000_000 },
        expect: { result: 7 },
      }),
    );
    const { stdout } = await cli(["test", "--json"], project);
    const runs = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { fixture: string; backtrace: string[]; actual: { outcome: string } });
    const told = runs
      .filter(({ fixture }) => fixture.startsWith("limit"))
      .map(({ actual, backtrace }) => [actual.outcome, backtrace[0]]);
    const at = (name: string, ...places: number[]): unknown =>
      expect.stringMatching(
        new RegExp(`^${name} \\(src/index\\.as\\.ts:(${places.map((n) => lines + n).join("|")}):\\d+\\)$`),
      );
    expect(told).toEqual([
      ["out-of-fuel", at("spin", 3, 4)],
      ["stack-exhausted", at("deeper", 8)],
      ["memory-exceeded", at("hoard", 12)],
    ]);
    const shown = (await cli(["test", "--no-vitest"], project)).stdout;
    expect(shown).toContain("limit    10,000,000 units of fuel (limits.fuel of the fixture)");
    expect(shown).toContain("limit    2,000,000 bytes, 2.0 MB (limits.memory_bytes of the fixture)");
    expect(shown).toMatch(/limit {4}[\d,]+ units of stack \(sandbox\.limits\.max_call_depth\)/);
    for (const path of paths) await rm(path);
    writeFileSync(source, before);
  });

  it("names the callable of a script that ran out of fuel, and what to do", async () => {
    await cli(["new", "endless", "--lang", "ts"]);
    const own = join(folder, "endless/handlers/default/endless");
    const source = join(own, "src/index.ts");
    writeFileSync(source, readFileSync(source, "utf8").replace("  return { text:", "  while (name.length > 0);\n$&"));
    const fixture = join(own, "fixtures/compose.json");
    writeFileSync(fixture, readFileSync(fixture, "utf8").replace("{", '{\n  "limits": { "fuel": 50000000 },'));
    const { stdout, code } = await cli(["test", "--no-vitest"], join(folder, "endless"));
    expect(code).toBe(1);
    expect(stdout).toContain("TSK_HANDLER_OUT_OF_FUEL, permanent\n");
    expect(stdout).toMatch(
      / in {7}endless\.compose\n +limit {4}50,000,000 units of fuel \(limits\.fuel of the fixture\)\n/,
    );
    expect(stdout).toContain("do       Look for an endless loop (what was logged before it says how far it came)");
  }, 240_000);

  it("fails where a snapshot of fuel no longer holds, with both figures, and --update takes the new one", async () => {
    await cli(["new", "dearer", "--lang", "as"]);
    const own = join(folder, "dearer");
    expect((await cli(["test"], own)).stdout).toContain("1 vitest test passed, 1 snapshot written");
    const source = join(own, "handlers/default/dearer/src/index.as.ts");
    writeFileSync(source, readFileSync(source, "utf8").replace('"Hello, "', '"Hello" + ", dear "'));
    const expectation = join(own, "handlers/default/dearer/test/dearer.test.ts");
    writeFileSync(expectation, readFileSync(expectation, "utf8").replaceAll("Hello, ", "Hello, dear "));
    const failed = await cli(["test"], own);
    expect(failed.code).toBe(1);
    expect(failed.stdout).toMatch(
      /Fuel changed: [\d,]+ → [\d,]+ \(\+[\d,]+, \+[\d.]+ %\)\. Intended\? Update with `tasker-host test --update`/,
    );
    expect(failed.stdout).not.toContain("JSON report");
    expect(failed.stdout).toContain("1 vitest test failed");
    const updated = await cli(["test", "--update"], own);
    expect(updated.stdout).toContain("1 vitest test passed, 1 snapshot written");
    expect(updated.code).toBe(0);
    const again = await cli(["test"], own);
    expect(again.stdout).toMatch(/1 vitest test passed {2}in /);
  }, 240_000);

  it("refuses a broken fixture with file, line and column", async () => {
    const path = writeFixture("broken", {});
    writeFileSync(path, '{\n  "callable": 7\n}\n');
    const { stderr, code } = await cli(["test", "--no-vitest"], project);
    expect(stderr).toContain("Cannot read the fixture handlers/letters/greeter_as/fixtures/broken.json:2:15");
    expect(code).toBe(2);
    await rm(path);
  });

  it("shows the line of a source that cannot be built", async () => {
    const source = join(handler, "src/index.as.ts");
    const before = readFileSync(source, "utf8");
    writeFileSync(source, before.replace('success(Json.object().set("text", Json.str("Hello, "', "succes(("));
    const { stdout, code } = await cli(["test", "--no-vitest"], project);
    expect(stdout).toMatch(/TSK_BUILD_SOURCE: Cannot compile the handler \(src\/index\.as\.ts:\d+:\d+\)/);
    expect(stdout).toMatch(/^> +\d+ \|.*succes/m);
    expect(code).toBe(1);
    writeFileSync(source, before);
  });

  it("says what there is where no handler is", async () => {
    const { stderr, code } = await cli(["test", "nowhere"], project);
    expect(stderr).toContain('TSK_HOST_HANDLERS_NOT_FOUND: Cannot test "nowhere": no such folder');
    expect(code).toBe(2);
  });
});
