import { relative, resolve } from "node:path";
import { Option, type Command } from "commander";
import { TaskerError } from "../../core/errors/index.ts";
import { NAMESPACE_PATTERN, NAMESPACE_RULE, TASK_NAME_PATTERN, TASK_NAME_RULE } from "../domain/names.ts";
import type { CliContext } from "./cli-context.ts";
import { createProject, type ProjectLanguage } from "./new/create-project.ts";

const LANGUAGES = { ts: "typescript", js: "javascript", as: "assemblyscript" } as const satisfies Record<
  string,
  ProjectLanguage
>;

interface NewOptions {
  readonly lang: keyof typeof LANGUAGES;
  readonly namespace: string;
}

/** `tasker-host new NAME`: a project with two steps, tested and ready to run. */
export function addNewCommand(program: Command, context: CliContext): void {
  program
    .command("new")
    .description("make a small project in the folder NAME: source, task template, fixtures and a test")
    .argument("<name>", "names the folder, the component and its task template")
    .addOption(
      new Option("--lang <language>", "TypeScript, JavaScript or AssemblyScript")
        .choices(Object.keys(LANGUAGES))
        .makeOptionMandatory(),
    )
    .option("--namespace <namespace>", "the namespace of its handlers", "default")
    .action((name: string, options: NewOptions) => newProject(name, options, context));
}

async function newProject(name: string, { lang, namespace }: NewOptions, { stdout }: CliContext): Promise<void> {
  check("name", name, TASK_NAME_PATTERN, TASK_NAME_RULE);
  check("namespace", namespace, NAMESPACE_PATTERN, NAMESPACE_RULE);
  const folder = resolve(name);
  const files = await createProject({ folder, name, namespace, language: LANGUAGES[lang] });
  const shown = relative(process.cwd(), folder);
  stdout.write(`${shown}/\n${files.map((file) => `  ${file}\n`).join("")}\n`);
  // Through npm: whether `tasker-host` is in the PATH nobody knows, and the project has a link of its own.
  stdout.write(`Next:\n  cd ${shown}\n  npm test\n  npm run dev\n`);
}

function check(what: "name" | "namespace", value: string, pattern: RegExp, accepted: string): void {
  if (pattern.test(value)) return;
  throw new TaskerError("TSK_PROJECT_NAME_INVALID", {
    attempted: "Cannot make the project",
    found: `the ${what} ${JSON.stringify(value)}`,
    accepted,
  });
}
