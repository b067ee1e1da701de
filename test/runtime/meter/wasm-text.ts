import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parse } from "@bytecodealliance/jco-transpile/wasm-tools";

const BINARYEN = resolve(import.meta.dirname, "../../../node_modules/.bin");

/** The bytes of a module in text form. */
export async function wasm(text: string): Promise<Uint8Array<ArrayBuffer>> {
  return Uint8Array.from(await parse(text));
}

/** The same by binaryen, which still knows the older encoding of exception handling. */
export function wasmByBinaryen(text: string): Uint8Array<ArrayBuffer> {
  return inScratchFolder((folder) => {
    writeFileSync(join(folder, "in.wat"), text);
    runBinaryen("wasm-as", [join(folder, "in.wat"), "-all", "-o", join(folder, "out.wasm")]);
    return Uint8Array.from(readFileSync(join(folder, "out.wasm")));
  });
}

/** A random valid module, the same for the same seed. */
export function randomModule(seed: Uint8Array, features: readonly string[]): Uint8Array<ArrayBuffer> {
  return inScratchFolder((folder) => {
    writeFileSync(join(folder, "seed"), seed);
    runBinaryen("wasm-opt", [join(folder, "seed"), "--translate-to-fuzz", ...features, "-o", join(folder, "out.wasm")]);
    return Uint8Array.from(readFileSync(join(folder, "out.wasm")));
  });
}

function runBinaryen(tool: string, args: readonly string[]): void {
  execFileSync(process.execPath, [join(BINARYEN, tool), ...args], { stdio: ["ignore", "ignore", "pipe"] });
}

function inScratchFolder<T>(work: (folder: string) => T): T {
  const folder = mkdtempSync(join(tmpdir(), "tasker-meter-"));
  try {
    return work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
