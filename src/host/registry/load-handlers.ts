import { readFile } from "node:fs/promises";
import { relative } from "node:path";
import { isTaskerError, TaskerError } from "../../core/errors/index.ts";
import { parseTemplate, type ParsedTemplate, refuseUnknownHandlers } from "../domain/parse-template.ts";
import type { RetryPolicy } from "../domain/template.ts";
import { namespaceProblem } from "./check-namespace.ts";
import { type ComponentFile, listHandlerDirectory, type NamespaceFolder } from "./handler-directory.ts";
import type { HandlerRegistry, RegisteredComponent } from "./handler-registry.ts";
import type { RegisteredTemplate, TaskTemplateRegistry } from "./task-template-registry.ts";

/** What became of a folder of handlers. A problem in one file keeps none of the others from loading. */
export interface LoadedHandlers {
  readonly namespaces: readonly string[];
  readonly components: readonly RegisteredComponent[];
  readonly templates: readonly RegisteredTemplate[];
  readonly problems: readonly LoadProblem[];
}

/** A file that could not be loaded, and why. */
export interface LoadProblem {
  readonly path: string;
  /** Of the folder that it stands in. */
  readonly namespace: string;
  readonly error: TaskerError;
}

export interface LoadHandlersDeps {
  readonly handlers: HandlerRegistry;
  readonly templates: TaskTemplateRegistry;
  /** Callables that native handlers of this host serve. */
  readonly nativeCallables: readonly string[];
  /** Retry settings of steps that leave them open. */
  readonly retryDefaults: RetryPolicy;
  /** With an external orchestrator other workers may serve callables that this host does not know. */
  readonly allowUnknownHandlers: boolean;
  /** Called before each file, for progress. */
  readonly onFile: (path: string) => void;
}

/** Registers every component and template of the folder: components first, because templates name their callables. */
export async function loadHandlers(path: string, deps: LoadHandlersDeps): Promise<LoadedHandlers> {
  const directory = await listHandlerDirectory(path);
  const loads: NamespaceLoad[] = [];
  for (const folder of directory.namespaces) loads.push(await loadNamespace(folder, deps));
  return {
    namespaces: loads
      .filter(({ components, templates }) => components.length + templates.length > 0)
      .map(({ namespace }) => namespace),
    components: loads.flatMap(({ components }) => components),
    templates: loads.flatMap(({ templates }) => templates),
    problems: loads.flatMap(({ problems }) => problems),
  };
}

interface NamespaceLoad {
  readonly namespace: string;
  readonly components: RegisteredComponent[];
  readonly templates: RegisteredTemplate[];
  readonly problems: LoadProblem[];
}

async function loadNamespace(folder: NamespaceFolder, deps: LoadHandlersDeps): Promise<NamespaceLoad> {
  const { namespace } = folder;
  const load: NamespaceLoad = { namespace, components: [], templates: [], problems: [] };
  if (folder.components.length + folder.templatePaths.length + folder.unbuilt.length === 0) return load;
  const wrong = namespaceProblem(namespace, `Cannot load the folder "${folder.path}"`);
  // It says it all: nothing of the folder could be served.
  if (wrong !== undefined) return { ...load, problems: [{ path: folder.path, namespace, error: wrong }] };
  for (const path of folder.unbuilt) load.problems.push({ path, namespace, error: neverBuilt(path) });
  for (const file of folder.components) {
    await attempt(load, file.wasmPath, deps, async () => {
      load.components.push(await loadComponent(namespace, file, deps.handlers));
    });
  }
  const known = new Set([
    ...deps.nativeCallables,
    ...(await deps.handlers.activeCallables(namespace)),
    // Also of what somebody deactivated or rolled back: its steps wait for a promotion, and its templates are no mistake.
    ...load.components.flatMap(({ artifact }) => artifact.manifest.callables),
  ]);
  for (const path of folder.templatePaths) {
    await attempt(load, path, deps, async () => {
      const parsed = await readTemplate(namespace, path, deps.retryDefaults);
      if (!deps.allowUnknownHandlers) refuseUnknownHandlers(parsed, known);
      load.templates.push(await deps.templates.register(parsed));
    });
  }
  return load;
}

/** Runs one file's load; a problem of the file is noted, a problem of the host goes on up. */
async function attempt(
  load: NamespaceLoad,
  path: string,
  deps: LoadHandlersDeps,
  run: () => Promise<void>,
): Promise<void> {
  deps.onFile(path);
  try {
    await run();
  } catch (error) {
    if (!isTaskerError(error) || error.entry.fault === "system") throw error;
    load.problems.push({ path, namespace: load.namespace, error });
  }
}

async function loadComponent(
  namespace: string,
  file: ComponentFile,
  handlers: HandlerRegistry,
): Promise<RegisteredComponent> {
  const bytes = new Uint8Array(await readFile(file.wasmPath));
  const sourceMap = file.sourceMapPath === undefined ? undefined : await readFile(file.sourceMapPath, "utf8");
  return handlers.register(namespace, bytes, sourceMap);
}

async function readTemplate(namespace: string, path: string, retry: RetryPolicy): Promise<ParsedTemplate> {
  const parsed = parseTemplate(await readFile(path, "utf8"), relative(process.cwd(), path), retry);
  const { name, namespaceName } = parsed.template;
  if (namespaceName === namespace) return parsed;
  throw new TaskerError("TSK_TEMPLATE_WRONG_NAMESPACE", {
    attempted: `Cannot register template "${name}"`,
    found: `namespace_name "${namespaceName}" in the folder of namespace "${namespace}"`,
    accepted: `namespace_name "${namespace}", or the file in the folder of its namespace`,
  });
}

function neverBuilt(path: string): TaskerError {
  return new TaskerError("TSK_HOST_HANDLER_UNBUILT", {
    attempted: `Cannot load the handler in "${path}"`,
    found: "its source, but no component",
    accepted: `a component that \`tasker-host build ${path}\` made`,
  });
}
