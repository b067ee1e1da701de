import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { RunningCommand } from "./support/running-command.ts";

const ALTERNATING = `
  for (let n = 0; n < 20; n += 1) process[n % 2 === 0 ? "stderr" : "stdout"].write(n + "\\n");
  require("node:fs").mkdirSync("written");
`;

it("keeps the order in which a command wrote to its outputs, however late it is read", async () => {
  const cwd = await mkdtemp(join(tmpdir(), "tasker-command-"));
  await using command = new RunningCommand(["-e", ALTERNATING], { cwd });
  // Nothing is read before all is written: a machine that stalls this process for as long.
  while (!existsSync(join(cwd, "written")));
  const [all] = await command.printed(/(?:\d+\n){20}/);
  expect(all).toBe(Array.from({ length: 20 }, (_, n) => `${n}\n`).join(""));
  await rm(cwd, { recursive: true });
});
