/** What is measured, built from sources in `bench/programs`. */
import { readFileSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { buildHandler } from "@tasker-host/toolchain";

const ROOT = join(import.meta.dirname, "../..");
const PROGRAMS = join(ROOT, "bench/programs");
const CORE = "bench/programs/assemblyscript";

export const ASSEMBLYSCRIPT_PROGRAMS = ["sha256", "mandelbrot", "fib", "json", "sort", "string-build"] as const;
export const JAVASCRIPT_PROGRAMS = ["json", "string", "map", "sort", "regexp", "fib"] as const;
export const JAVASCRIPT_ENGINES = ["quickjs", "starlingmonkey"] as const;

/** Folders of handlers whose `echo` returns its input, by engine. */
export const ECHO_HANDLERS = {
  assemblyscript: join(PROGRAMS, "echo-assemblyscript"),
  quickjs: join(PROGRAMS, "quickjs"),
  starlingmonkey: join(PROGRAMS, "starlingmonkey"),
} as const;

export const ORDER_FULFILLMENT = join(ROOT, "handlers/commerce/order-fulfillment");

/** The component of the handler in `folder`, built if it is out of date. */
export async function componentOf(folder: string): Promise<Uint8Array<ArrayBuffer>> {
  const { wasmPath } = await buildHandler(folder);
  return Uint8Array.from(readFileSync(wasmPath));
}

/** By a name that the type checker does not follow: asc's types declare a global `console` of its own. */
const COMPILER: string = "assemblyscript/asc";

/** The part of asc's programmatic interface that is used. */
interface Compiler {
  main(
    args: readonly string[],
    host: {
      readFile(name: string): string | null;
      writeFile(name: string, contents: Uint8Array | string): void;
      listFiles(): readonly string[];
    },
  ): Promise<{ readonly error: Error | null; readonly stderr: { toString(): string } }>;
}

/** An AssemblyScript program as a core module that exports `run`, compiled as the toolchain compiles handlers. */
export async function coreModuleOf(name: string): Promise<Uint8Array<ArrayBuffer>> {
  const asc: Compiler = await import(COMPILER);
  const outputs = new Map<string, Uint8Array | string>();
  const { error, stderr } = await asc.main(
    [`${CORE}/${name}.as.ts`, "--baseDir", ROOT, "--outFile", "out.wasm", "-O3s", "--runtime", "incremental"],
    {
      readFile: (path) => readSource(path),
      writeFile: (path, contents) => void outputs.set(path, contents),
      listFiles: () => [],
    },
  );
  const made = outputs.get("out.wasm");
  if (error !== null || !(made instanceof Uint8Array)) throw new Error(`asc refused ${name}: ${stderr.toString()}`);
  const bytes = Uint8Array.from(made);
  const path = join(ROOT, CORE, "build", `${name}.wasm`);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, bytes);
  return bytes;
}

function readSource(path: string): string | null {
  try {
    return readFileSync(join(ROOT, path), "utf8");
  } catch {
    return null;
  }
}
