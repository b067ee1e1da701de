import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { systemClock } from "../../src/core/clock.ts";
import { type ServedApp, serveApp } from "../http/support/served-app.ts";
import { versionComponent } from "../registry/support/version-component.ts";
import { type TestDatabase, testDatabase } from "../support/database.ts";
import { runCli } from "./support/run-cli.ts";
import { type CommandRun, runCommand } from "./support/run-command.ts";

let postgres: TestDatabase;
let served: ServedApp;
let folder: string;

beforeAll(async () => {
  postgres = await testDatabase();
  served = await serveApp({ database: postgres.open() });
  folder = await mkdtemp(join(tmpdir(), "tasker-host-upload-"));
  for (const [version, log] of [
    ["1.0.0", false],
    ["1.1.0", true],
  ] as const) {
    const bytes = await versionComponent({ name: "charge", version, callable: "charge", log });
    await writeFile(join(folder, `${version}.wasm`), bytes);
  }
});
afterAll(async () => {
  await served[Symbol.asyncDispose]();
  await postgres.close();
});

const run = (...args: string[]): Promise<CommandRun> =>
  runCommand([...args, "--url", served.url], { clock: systemClock });

async function said(...args: string[]): Promise<string> {
  const { stdout, stderr, exitCode } = await run(...args);
  expect({ stderr, exitCode }).toEqual({ stderr: "", exitCode: 0 });
  return stdout;
}

const upload = (version: string, ...more: string[]): string[] => {
  const names = ["--namespace", "payments", "--name", "charge", "--version", version];
  return ["upload", join(folder, `${version}.wasm`), ...names, ...more];
};

it("leads a version from its upload to its end", async () => {
  expect(await said("handlers", "list")).toBe("no handlers\n");
  expect(await said(...upload("1.0.0", "--promote"))).toMatch(
    /^payments\/charge 1\.0\.0 {2}sha256:[0-9a-f]{12} {2}[\d.]+ k?B {2}uploaded\npromoted\n$/,
  );
  expect(await said(...upload("1.0.0", "--promote"))).toMatch(/already there\nactive already\n$/);
  // What is active needs no promotion.
  expect(await said(...upload("1.0.0"))).toMatch(/already there\nactive already\n$/);
  expect(await said(...upload("1.1.0"))).toContain("→ tasker-host handlers promote payments/charge 1.1.0");

  const refused = await run("handlers", "promote", "payments/charge", "1.1.0");
  expect(refused.exitCode).toBe(2);
  expect(refused.stderr).toContain("it imports more than 1.0.0, which ran its callables last:\n  + tasker:handler/log");
  expect(refused.stderr).toContain("→ Let somebody with the permission `handlers:approve`");
  expect(await said("handlers", "approve", "payments/charge", "1.1.0")).toBe("payments/charge 1.1.0 approved\n");
  expect(await said("handlers", "promote", "payments/charge", "1.1.0")).toBe(
    "payments/charge 1.1.0 promoted, replaces 1.0.0\n",
  );
  expect(await said("handlers", "list", "--namespace", "payments")).toMatch(/^payments\/charge {2}1\.1\.0 {2}sha256:/);
  const shown = await said("handlers", "show", "payments/charge", "1.1.0");
  expect(shown).toMatch(/needs +log\n +imports .*tasker:handler\/log@1\.0\.0\n/);
  expect(shown).toContain("by anonymous anonymous (127.0.0.1)");
  expect(shown).toMatch(/prepared +preparer \d+, fuel-\d+, dry run \d+ fuel/);
  expect(await said("handlers", "rollback", "payments/charge")).toBe(
    "payments/charge 1.0.0 active again, replaces 1.1.0\n",
  );
  expect(await said("handlers", "show", "payments/charge")).toMatch(
    /1\.0\.0 {2}sha256:[0-9a-f]{12} {2}rolled back .*, replaced 1\.1\.0 sha256:[0-9a-f]{12}\n/,
  );
  await said("handlers", "deprecate", "payments/charge", "1.1.0");
  const deprecated = /deprecated +20\d\d-\S+Z by anonymous anonymous \(127\.0\.0\.1\)\n/;
  expect(await said("handlers", "show", "payments/charge")).toMatch(deprecated);
  expect(await said("handlers", "show", "payments/charge", "1.1.0")).toMatch(deprecated);
  expect((await run("handlers", "promote", "payments/charge", "1.1.0")).stderr).toContain("VERSION_DEPRECATED");
  expect(await said("handlers", "steps", "payments/charge", "1.0.0")).toBe("it has run no step\n");
  expect((await run("handlers", "delete", "payments/charge", "1.0.0")).stderr).toContain("TSK_REGISTRY_VERSION_ACTIVE");
  expect(await said("handlers", "delete", "payments/charge", "1.1.0")).toBe("payments/charge 1.1.0 deleted\n");
  expect(await said("handlers", "deactivate", "payments/charge")).toBe(
    "payments/charge 1.0.0 deactivated, nothing is active\n",
  );
  expect((await run("handlers", "deactivate", "payments/charge")).stderr).toContain("TSK_REGISTRY_NOTHING_ACTIVE");
  expect((await run("handlers", "deactivate", "payments/nosuch")).stderr).toContain("TSK_REGISTRY_HANDLER_UNKNOWN");
  // What is gone is remembered: what it ran, and that its number was its.
  expect(await said("handlers", "steps", "payments/charge", "1.1.0")).toBe("it has run no step\n");
  expect((await run("handlers", "steps", "payments/charge", "7.7.7")).stderr).toContain("VERSION_UNKNOWN");
  const other = join(folder, "other.wasm");
  await writeFile(
    other,
    await versionComponent({ name: "charge", version: "1.1.0", callable: "charge", salt: "other" }),
  );
  const again = await run("upload", other, "--namespace", "payments", "--name", "charge", "--version", "1.1.0");
  expect(again.stderr).toMatch(/VERSION_CONFLICT.*: the version had digest [0-9a-f]{12}… before it was deleted/);
  expect(await said("handlers", "list", "--namespace", "payments")).toBe(
    "payments/charge  nothing active, 1 version\n",
  );
  expect(await said("handlers", "show", "payments/charge")).toMatch(/1\.0\.0 {2}sha256:[0-9a-f]{12} {2}deactivated /);
  expect(await said("handlers", "rollback", "payments/charge")).toBe("payments/charge 1.0.0 active again\n");
});

it("changes the grants that it names, and leaves the others", async () => {
  expect(await said("grants", "show", "billing")).toContain("billing  the host's defaults");
  await said("grants", "set", "billing", "--capabilities", "log", "--fuel", "1_000_000");
  const set = await said("grants", "set", "billing", "--result", "2048");
  expect(set).toMatch(/may import +log\n +fuel +1,000,000 units\n/);
  expect(set).toMatch(
    /max_memory_bytes +134,217,728 bytes \(128 MiB\) {2}the host's\n +deadline_ms +[\d,]+ ms {2}the host's/,
  );
  expect(set).toMatch(/max_result_bytes +2,048 bytes \(2 KiB\)\n/);
  expect(await said("grants", "set", "billing", "--fuel", "host")).toMatch(/fuel +[\d,]+ units {2}the host's\n/);
  expect(await said("grants", "set", "billing", "--capabilities", "host")).toMatch(
    /may import +log, wasi {2}the host's/,
  );
  expect(await said("grants", "set", "billing", "--result", "host")).toContain("billing  the host's defaults\n");
  expect((await run("grants", "set", "billing", "--capabilities", "http")).stderr).toContain("TSK_GRANT_INVALID");
});

it("grants no capability with a limit, and changes nothing without an option", async () => {
  expect(await said("grants", "set", "limited", "--fuel", "5_000")).toMatch(/may import +log, wasi {2}the host's\n/);
  const refused = await run("grants", "set", "limited");
  expect(refused).toMatchObject({ exitCode: 2, stdout: "" });
  expect(refused.stderr).toContain(
    "no option that says what shall change (accepted: --capabilities, --fuel, --memory,",
  );
  expect((await run("grants", "set", "limited", "--fuel", "0")).stderr).toMatch(
    /fuel 0 \(accepted: a whole number from 1 to \d+, the host's ceiling/,
  );
});

it("marks what runs no more since a capability was taken away", async () => {
  const names = ["--namespace", "stripped", "--name", "charge", "--version", "1.1.0", "--promote"];
  await said("upload", join(folder, "1.1.0.wasm"), ...names);
  expect(await said("handlers", "list", "--namespace", "stripped")).not.toContain("not granted");
  expect(await said("grants", "set", "stripped", "--capabilities", "wasi")).toContain(
    "stripped/charge 1.1.0 is active, and its steps end in error: not granted: log\n",
  );
  expect(await said("grants", "show", "stripped")).toContain("not granted: log\n");
  expect(await said("handlers", "list", "--namespace", "stripped")).toContain("  not granted: log\n");
  expect(await said("handlers", "show", "stripped/charge")).toContain("  not granted: log\n");
  expect(await said("handlers", "show", "stripped/charge", "1.1.0")).toMatch(/needs +log; not granted: log\n/);
  const [json] = (await said("handlers", "list", "--namespace", "stripped", "--json")).trim().split("\n");
  expect(JSON.parse(json ?? "")).toMatchObject({ active: { not_granted: ["log"] } });
  expect(await said("grants", "set", "stripped", "--capabilities", "host")).not.toContain("not granted");
});

it("says that a version is stored although its promotion is refused", async () => {
  await said("grants", "set", "refusing", "--capabilities", "");
  const names = ["--namespace", "refusing", "--name", "charge", "--version", "1.1.0", "--promote"];
  const refused = await run("upload", join(folder, "1.1.0.wasm"), ...names);
  expect(refused.exitCode).toBe(2);
  expect(refused.stdout).toMatch(/^refusing\/charge 1\.1\.0 {2}sha256:[0-9a-f]{12} {2}[\d.]+ k?B {2}uploaded\n$/);
  expect(refused.stderr).toContain('TSK_GRANT_MISSING: Cannot promote "refusing/charge" 1.1.0, which is stored: ');
  const again = await run("upload", join(folder, "1.1.0.wasm"), ...names, "--json");
  expect(JSON.parse(again.stdout)).toMatchObject({ version: "1.1.0", created: false, promoted: false });
  expect(await said("handlers", "show", "refusing/charge")).toMatch(/not granted: log\n {2}never active\n$/);
});

it.each([
  ["nowhere.wasm", "no such file"],
  [".", "a folder"],
])("says of the file %j that it cannot be read, and what to do", async (file, found) => {
  const names = ["--namespace", "payments", "--name", "charge", "--version", "1.0.0"];
  const { exitCode, stderr } = await run("upload", join(folder, file), ...names);
  expect(exitCode).toBe(2);
  expect(stderr).toContain(`TSK_REQUEST_FILE_UNREADABLE: Cannot read ${JSON.stringify(join(folder, file))}: ${found}`);
  expect(stderr).toContain("→ Correct the path;");
});

it("answers a wrong option with a sentence, not with all its options", async () => {
  const names = ["--namespace", "payments", "--name", "charge", "--version", "latest"];
  const { code, stderr } = await runCli(["upload", "charge.wasm", ...names], { cwd: folder });
  expect(code).toBe(2);
  expect(stderr).toMatch(
    /^TSK_COMMAND_LINE_INVALID: Cannot read the command line: option '--version <version>' argument 'latest' is invalid\. A version is /,
  );
  expect(stderr).toMatch(/\n {2}→ `--help` behind the command shows what it takes\n$/);
  expect(stderr).not.toContain("--source-map");
});

it.each([
  [["handlers", "prmote", "a/b"], "unknown command 'prmote' (Did you mean promote?)"],
  [["audit", "--limt", "3"], "unknown option '--limt' (Did you mean --limit?)"],
  [["upload", "charge.wasm"], "required option '--namespace <namespace>' not specified"],
  [["task", "show"], "missing required argument 'uuid'"],
])("says of %j what is wrong as JSON where that was asked for", async (args, found) => {
  const { code, stdout, stderr } = await runCli([...args, "--json"], { cwd: folder });
  expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
  expect(JSON.parse(stderr)).toMatchObject({ error: { code: "TSK_COMMAND_LINE_INVALID", found } });
});

it("shows its commands where none is named, and no error", async () => {
  const { stderr, code } = await runCli(["handlers"], { cwd: folder });
  expect(code).toBe(2);
  expect(stderr).toMatch(/^Usage: tasker-host handlers /);
  expect(stderr).not.toContain("TSK_");
});

it("says that nothing matches where the audit shows nothing, and not among the entries", async () => {
  const nobody = ["audit", "--actor", "nobody"];
  expect(await run(...nobody)).toEqual({ stdout: "", stderr: "No changes match\n", exitCode: 0 });
  expect(await run(...nobody, "--json")).toEqual({ stdout: "", stderr: "", exitCode: 0 });
});

it("shows on a terminal that an upload is under way, and nothing of that elsewhere", async () => {
  const { stdout, stderr } = await runCommand([...upload("1.0.0"), "--url", served.url], {
    clock: systemClock,
    errorTerminal: { columns: 80 },
  });
  const [before, message = "", after] = stderr.split("\r\u001b[2K");
  expect({ before, after }).toEqual({ before: "", after: "" });
  expect(message).toMatch(/^Uploading 1\.0\.0\.wasm, [\d.]+ kB: sending, checking, preparing…$/);
  expect(stdout).toContain("payments/charge 1.0.0  sha256:");
  expect((await run(...upload("1.0.0"))).stderr).toBe("");
});

it.each([
  [["handlers", "show", "payments"], "namespace"],
  [["handlers", "promote", "payments/charge", "latest"], "three numbers"],
  [["handlers", "show", "payments/../../v1"], "name"],
])("refuses %j before it asks", async (args, words) => {
  const { exitCode, stderr } = await run(...args);
  expect(exitCode).not.toBe(0);
  expect(stderr).toContain(words);
});

it("says which file it cannot upload, and what to do", async () => {
  const named = ["--namespace", "payments", "--name", "charge", "--version", "1.0.0"];
  const { exitCode, stderr } = await run("upload", "/nowhere/charge.wasm", ...named);
  expect(exitCode).not.toBe(0);
  expect(stderr).toContain('TSK_REQUEST_FILE_UNREADABLE: Cannot read "/nowhere/charge.wasm"');
  expect(stderr).toContain("→ Correct the path");
});
