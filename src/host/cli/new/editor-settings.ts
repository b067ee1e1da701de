import { mkdir, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { installationRoot } from "../installation.ts";

/** Where projects keep what belongs to one machine; not committed. */
export const LOCAL_FOLDER = ".tasker-host";

/**
 * Writes the TypeScript settings that a project's `tsconfig.json` extends: where the SDK's types are in this installation.
 * Handlers are built without them; editors and `tsc` read them.
 */
export async function writeEditorSettings(project: string): Promise<void> {
  const folder = join(project, LOCAL_FOLDER);
  await mkdir(folder, { recursive: true });
  await writeSettings(join(folder, "tsconfig.json"), {
    compilerOptions: {
      target: "esnext",
      module: "preserve",
      moduleResolution: "bundler",
      lib: ["esnext"],
      types: ["node"],
      typeRoots: [join(installationRoot(), "node_modules/@types")],
      strict: true,
      noEmit: true,
      allowJs: true,
      checkJs: true,
      skipLibCheck: true,
      allowImportingTsExtensions: true,
      paths: {
        "@tasker-host/sdk": [join(installationRoot(), "sdk/typescript/src/index.ts")],
        "@tasker-host/sdk/testing": [join(installationRoot(), "sdk/typescript/testing/index.ts")],
        ...packagePath("vitest", "dist/index.d.ts"),
      },
    },
  });
  const assembly = packagePath("assemblyscript", "std/assembly.json")["assemblyscript"];
  if (assembly === undefined) return;
  await writeSettings(join(folder, "tsconfig.assemblyscript.json"), {
    extends: assembly[0],
    compilerOptions: {
      noEmit: true,
      paths: {
        "@tasker-host/sdk-assemblyscript": [join(installationRoot(), "sdk/assemblyscript/assembly/index.ts")],
      },
    },
  });
}

async function writeSettings(path: string, settings: unknown): Promise<void> {
  await writeFile(path, `${JSON.stringify(settings, null, 2)}\n`);
}

/** A file of a package of this installation, as `paths` takes it. */
function packagePath(name: string, file: string): Readonly<Record<string, readonly string[]>> {
  try {
    const found = createRequire(join(installationRoot(), "package.json")).resolve(`${name}/package.json`);
    return { [name]: [join(dirname(found), file)] };
  } catch {
    return {};
  }
}
