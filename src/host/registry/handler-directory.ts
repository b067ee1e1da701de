import { access, readdir, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { TaskerError } from "../../core/errors/index.ts";

/**
 * What stands in a folder given to `run --handlers`:
 *
 * ```
 * DIR/<namespace>/templates/*.yaml            task templates of the namespace
 * DIR/<namespace>/<component>/build/*.wasm    built by `tasker-host build`
 * DIR/<namespace>/*.wasm                      brought along from elsewhere
 * ```
 * A source map lies beside its component as `<name>.wasm.map`.
 */
export interface HandlerDirectory {
  readonly path: string;
  readonly namespaces: readonly NamespaceFolder[];
}

export interface NamespaceFolder {
  readonly path: string;
  /** The folder's name; nobody has looked yet whether it is one that namespaces have. */
  readonly namespace: string;
  readonly templatePaths: readonly string[];
  readonly components: readonly ComponentFile[];
  /** Folders with a `handler.toml` and no component: sources that were never built. */
  readonly unbuilt: readonly string[];
}

export interface ComponentFile {
  readonly wasmPath: string;
  readonly sourceMapPath: string | undefined;
}

/** Lists the folder without reading components. @throws TSK_HOST_HANDLERS_NOT_FOUND where it is no folder. */
export async function listHandlerDirectory(path: string): Promise<HandlerDirectory> {
  const isFolder = await stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
  if (!isFolder) {
    throw new TaskerError("TSK_HOST_HANDLERS_NOT_FOUND", {
      attempted: `Cannot load handlers from "${path}"`,
      found: "no such folder",
      accepted: "a folder with one subfolder for each namespace",
    });
  }
  const folders = await subfolders(path);
  return { path, namespaces: await Promise.all(folders.map((name) => listNamespace(join(path, name)))) };
}

async function listNamespace(path: string): Promise<NamespaceFolder> {
  const folders = (await subfolders(path)).filter((name) => name !== "templates" && name !== "samples");
  const built = await Promise.all(folders.map((name) => listComponents(join(path, name, "build"))));
  const unbuilt: string[] = [];
  for (const [index, name] of folders.entries()) {
    if (built[index]?.length === 0 && (await exists(join(path, name, "handler.toml")))) unbuilt.push(join(path, name));
  }
  return {
    path,
    namespace: basename(path),
    templatePaths: await filesEnding(join(path, "templates"), [".yaml", ".yml"]),
    components: [...built.flat(), ...(await listComponents(path))],
    unbuilt,
  };
}

async function listComponents(folder: string): Promise<ComponentFile[]> {
  const paths = await filesEnding(folder, [".wasm"]);
  return Promise.all(
    paths.map(async (wasmPath) => {
      const map = `${wasmPath}.map`;
      return { wasmPath, sourceMapPath: (await exists(map)) ? map : undefined };
    }),
  );
}

async function subfolders(path: string): Promise<string[]> {
  const entries = await readdir(path, { withFileTypes: true });
  return entries
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith(".") && entry.name !== "node_modules")
    .map((entry) => entry.name)
    .sort();
}

async function filesEnding(folder: string, endings: readonly string[]): Promise<string[]> {
  const names = await readdir(folder).catch(() => []);
  return names
    .filter((name) => endings.some((ending) => name.endsWith(ending)))
    .sort()
    .map((name) => join(folder, name));
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
