import { lstatSync, readlinkSync } from "node:fs";
import { mkdir, rm, symlink } from "node:fs/promises";
import { isAbsolute, join } from "node:path";
import { installationRoot } from "../installation.ts";

/**
 * Makes `tasker-host` a command of the project, as npm does for what it installs: `npm test` and `npx tasker-host …` run this
 * installation, whether or not it is in the PATH. A command that npm has put there stays.
 */
export async function linkCommand(project: string): Promise<void> {
  const folder = join(project, "node_modules/.bin");
  const link = join(folder, "tasker-host");
  const target = join(installationRoot(), "bin/tasker-host.mjs");
  const found = linkedTo(link);
  if (found === target || found === "not ours") return;
  await mkdir(folder, { recursive: true });
  await rm(link, { force: true });
  await symlink(target, link);
}

/** Where the link leads; npm's own links are relative. */
function linkedTo(link: string): string | undefined {
  const stats = lstatSync(link, { throwIfNoEntry: false });
  if (stats === undefined) return undefined;
  if (!stats.isSymbolicLink()) return "not ours";
  const target = readlinkSync(link);
  return isAbsolute(target) ? target : "not ours";
}
