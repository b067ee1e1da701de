import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { expect, it, onTestFailed } from "vitest";
import { z } from "zod";

const SCRIPTS = join(import.meta.dirname, "../../scripts");

const Joins = z.object({
  joins: z.number(),
  byTwoHosts: z.number(),
  lost: z.number(),
  mostEnqueued: z.number(),
  invariantsBroken: z.array(z.string()),
});

const Soak = z.object({
  steps: z.number(),
  leaked: z.object({ leases: z.number() }),
  grownBytes: z.number(),
  invariantsBroken: z.number(),
  exitCode: z.number().nullable(),
});

/** The last line that the script prints, an object. */
async function lastLineOf(script: string, args: string): Promise<unknown> {
  const child = spawn(process.execPath, [join(SCRIPTS, script), ...args.split(" ")], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [out, said] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "exit")]);
  onTestFailed(() => void process.stderr.write(said));
  return JSON.parse(out.trimEnd().split("\n").at(-1) || "null");
}

it("two hosts lose no join of diamonds that both of them work at", { timeout: 180_000 }, async () => {
  const report = Joins.parse(await lastLineOf("joins.ts", "--hosts 2 --diamonds 50 --repeats 2"));
  expect(report).toMatchObject({ joins: 100, lost: 0, mostEnqueued: 1, invariantsBroken: [] });
});

// What memory and idle processes do takes more steps to see, and a machine that does nothing else: `npm run soak`.
it("a host leaves no lease behind after some thousand steps, and stops in order", { timeout: 180_000 }, async () => {
  const report = Soak.parse(await lastLineOf("soak.ts", "--steps 2000 --window 1000 --rest 1"));
  expect(report).toMatchObject({ steps: 2_000, leaked: { leases: 0 }, invariantsBroken: 0, exitCode: 0 });
  expect(report.grownBytes).toBeGreaterThanOrEqual(0);
});
