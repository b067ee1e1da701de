import { relative } from "node:path";
import { type Fixture, readFixtures } from "../../authoring/fixture.ts";
import { type FixtureRun, runFixture } from "../../authoring/run-fixture.ts";
import type { AuthorsSandbox, SandboxedHandler } from "../../authoring/sandboxed-handler.ts";
import { updateFixture } from "../../authoring/update-fixture.ts";
import { loadToolchain } from "../toolchain.ts";

/** A handler whose fixtures were run. */
export interface HandlerTests {
  readonly name: string;
  readonly version: string;
  readonly digest: string;
  /** Absolute. */
  readonly folder: string;
  readonly runs: readonly FixtureRun[];
  /** Fixtures that were written anew; they count as passed. */
  readonly updated: readonly Fixture[];
  readonly failed: number;
}

export interface TestHandlerOptions {
  readonly sandbox: AuthorsSandbox;
  readonly onProgress: (message: string) => void;
  /** Write what came out into fixtures that expected something else. */
  readonly update: boolean;
}

/** The last prepared component of a folder: preparing takes longer than running. */
const prepared = new Map<string, { readonly digest: string; readonly handler: SandboxedHandler }>();

/** Reads the fixtures, builds the handler where its sources changed, and runs them. Throws what each of these throws. */
export async function testHandler(folder: string, options: TestHandlerOptions): Promise<HandlerTests> {
  const fixtures = readFixtures(folder);
  const { buildHandler } = await loadToolchain();
  options.onProgress(`Building ${relative(process.cwd(), folder) || "."}…`);
  const report = await buildHandler(folder);
  const { name, version, digest } = report;
  options.onProgress(`Preparing ${name}…`);
  const known = prepared.get(folder);
  const handler = known?.digest === digest ? known.handler : await options.sandbox.prepare(report);
  prepared.set(folder, { digest, handler });
  const runs: FixtureRun[] = [];
  for (const fixture of fixtures) {
    options.onProgress(`Running ${name}: ${fixture.name}…`);
    runs.push(await runFixture(fixture, handler, options.sandbox));
  }
  const failing = runs.filter(({ passed }) => !passed);
  if (options.update) for (const run of failing) await updateFixture(run);
  const updated = options.update ? failing.map(({ fixture }) => fixture) : [];
  return { name, version, digest, folder, runs, updated, failed: failing.length - updated.length };
}
