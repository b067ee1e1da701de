import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { LOCAL_FOLDER, writeEditorSettings } from "./editor-settings.ts";
import { linkCommand } from "./link-command.ts";

/** Tells a project where this installation is: its command for npm, its types for editors. Nothing of it is committed. */
export async function writeInstallationLinks(project: string): Promise<void> {
  await linkCommand(project);
  await writeEditorSettings(project);
}

/** The same again for a project that `tasker-host new` made; other folders are left alone. */
export async function refreshInstallationLinks(folder: string): Promise<void> {
  const settings = join(folder, "tsconfig.json");
  if (!existsSync(settings) || !readFileSync(settings, "utf8").includes(`./${LOCAL_FOLDER}/tsconfig.json`)) return;
  await writeInstallationLinks(folder);
}
