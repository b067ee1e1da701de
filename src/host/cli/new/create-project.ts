import { existsSync, globSync } from "node:fs";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { TaskerError } from "../../../core/errors/index.ts";
import { installationRoot } from "../installation.ts";
import { writeInstallationLinks } from "./installation-links.ts";

export type ProjectLanguage = "typescript" | "javascript" | "assemblyscript";

export interface NewProject {
  /** Absolute; must not exist. */
  readonly folder: string;
  /** Names the component, its callables' prefix and its template; checked. */
  readonly name: string;
  /** Checked. */
  readonly namespace: string;
  readonly language: ProjectLanguage;
}

const SPOKEN: Readonly<Record<ProjectLanguage, string>> = {
  typescript: "TypeScript",
  javascript: "JavaScript",
  assemblyscript: "AssemblyScript",
};

/**
 * Writes the project, whole or not at all: it comes to be beside its place and is moved there last. Gives its files,
 * relative to the folder. @throws TSK_PROJECT_EXISTS
 */
export async function createProject(project: NewProject): Promise<readonly string[]> {
  const { folder } = project;
  refuseExisting(folder);
  const draft = join(dirname(folder), `.${basename(folder)}.${process.pid}.new`);
  try {
    const files = await writeTemplate(draft, project);
    await writeInstallationLinks(draft);
    refuseExisting(folder);
    await rename(draft, folder);
    return files;
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

function refuseExisting(folder: string): void {
  if (!existsSync(folder)) return;
  throw new TaskerError("TSK_PROJECT_EXISTS", {
    attempted: "Cannot make the project",
    found: `"${folder}" exists`,
    accepted: "the name of a folder that does not exist yet",
  });
}

async function writeTemplate(draft: string, project: NewProject): Promise<readonly string[]> {
  const written: string[] = [];
  for (const layer of ["common", project.language]) {
    const from = join(installationRoot(), "toolchain/templates", layer);
    for (const file of globSync("**/*", { cwd: from, withFileTypes: true })) {
      if (!file.isFile()) continue;
      const source = join(file.parentPath, file.name);
      const target = targetOf(source.slice(from.length + 1), project);
      await mkdir(dirname(join(draft, target)), { recursive: true });
      await writeFile(join(draft, target), filledIn(await readFile(source, "utf8"), project), { flag: "wx" });
      written.push(target);
    }
  }
  return written.sort();
}

/** Files that tools would obey where they stand end in `.template`. */
function targetOf(file: string, project: NewProject): string {
  return filledIn(file, project)
    .replace(/\.template$/, "")
    .replace(/^gitignore$/, ".gitignore");
}

function filledIn(text: string, { name, namespace, language }: NewProject): string {
  return text
    .replaceAll("__NAMESPACE__", namespace)
    .replaceAll("__NAME__", name)
    .replaceAll("__LANGUAGE__", SPOKEN[language]);
}
