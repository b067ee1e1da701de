/**
 * `node scripts/componentize.ts CORE.wasm OUT.wasm [--embed]`: a component of a core module that another toolchain made for
 * WASI preview 1, by way of the adapter that jco ships. `--embed` adds the description of our world, for toolchains without
 * bindings of their own (C, Go); `wit-bindgen` adds it itself. Custom sections (names, DWARF) are dropped.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import binaryen from "binaryen";
import { componentEmbed, componentNew } from "@bytecodealliance/jco-transpile/wasm-tools";

const ADAPTER_BYTES = 3 * 65_536;
const DATA_SECTION = 11;
const ROOT = join(import.meta.dirname, "..");
const WIT = join(ROOT, "wit/tasker-handler@1.0.0");

const { positionals, values } = parseArgs({ allowPositionals: true, options: { embed: { type: "boolean" } } });
const [corePath, outPath] = positionals;
if (corePath === undefined || outPath === undefined) {
  process.stderr.write("Usage: node scripts/componentize.ts CORE.wasm OUT.wasm [--embed]\n");
  process.exit(2);
}

const core = withAdapterPages(withoutCustomSections(Uint8Array.from(readFileSync(corePath))));
const described =
  values.embed === true
    ? await componentEmbed({ binary: core, witSource: witSource(), world: "handler", stringEncoding: "utf8" })
    : core;
const component = await componentNew(described, [["wasi_snapshot_preview1", adapter()]]);
writeFileSync(outPath, component);
process.stdout.write(`${outPath}: ${component.length} bytes\n`);

/** The adapter for modules that are called (reactors), not started (commands). */
function adapter(): Uint8Array {
  const jco = createRequire(import.meta.url).resolve("@bytecodealliance/jco");
  return readFileSync(join(dirname(jco), "../lib/wasi_snapshot_preview1.reactor.wasm"));
}

/** The contract's files as one source: the package line may stand only once. */
function witSource(): string {
  return ["types", "capabilities", "world"]
    .map((name) => readFileSync(join(WIT, `${name}.wit`), "utf8"))
    .map((text, index) => (index === 0 ? text : text.replace(/^package .*$/m, "")))
    .join("\n");
}

/**
 * Go's heap takes every page behind its data for its own, also those that the adapter grows the memory by. A module may hold
 * the adapter's pages in its data: they begin with a mark, and `cabi_realloc_adapter`, which is added here, hands them out.
 */
function withAdapterPages(module: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const start = addressOf(Buffer.from("tasker-host:adapter-pages"), module);
  if (start === undefined) return module;
  const { i32 } = binaryen;
  const rewritten = binaryen.readBinary(module);
  // No more than Go's code needs: `All` would write imports in an encoding that the component tools do not read yet.
  const { BulkMemory, BulkMemoryOpt, MutableGlobals, NontrappingFPToInt, SignExt } = binaryen.Features;
  rewritten.setFeatures(BulkMemory | BulkMemoryOpt | MutableGlobals | NontrappingFPToInt | SignExt);
  const next = (): number => rewritten.global.get("adapter-pages", i32);
  rewritten.addGlobal("adapter-pages", i32, true, rewritten.i32.const(Math.ceil(start / 16) * 16));
  const taken = rewritten.local.set(4, next());
  const size = rewritten.i32.and(
    rewritten.i32.add(rewritten.local.get(3, i32), rewritten.i32.const(15)),
    rewritten.i32.const(-16),
  );
  const moved = rewritten.global.set("adapter-pages", rewritten.i32.add(next(), size));
  const beyond = rewritten.i32.gt_u(next(), rewritten.i32.const(start + ADAPTER_BYTES));
  const body = [taken, moved, rewritten.if(beyond, rewritten.unreachable()), rewritten.local.get(4, i32)];
  const params = binaryen.createType([i32, i32, i32, i32]);
  rewritten.addFunction("cabi_realloc_adapter", params, i32, [i32], rewritten.block(null, body, i32));
  rewritten.addFunctionExport("cabi_realloc_adapter", "cabi_realloc_adapter");
  binaryen.setOptimizeLevel(2);
  binaryen.setShrinkLevel(1);
  rewritten.optimize();
  return Uint8Array.from(rewritten.emitBinary());
}

/** Where bytes of a data segment lie in memory. Reads active segments with constant offsets, as Go's linker writes them. */
function addressOf(mark: Buffer, module: Uint8Array): number | undefined {
  for (let at = 8; at < module.length;) {
    const size = leb(module, at + 1);
    if (module[at] === DATA_SECTION) {
      const count = leb(module, size.end);
      let segment = count.end;
      for (let index = 0; index < count.value; index += 1) {
        const offset = leb(module, segment + 2);
        const length = leb(module, offset.end + 1);
        const found = Buffer.from(module.subarray(length.end, length.end + length.value)).indexOf(mark);
        if (found >= 0) return offset.value + found;
        segment = length.end + length.value;
      }
    }
    at = size.end + size.value;
  }
  return undefined;
}

/** What describes the world to `componentNew` stays. */
function withoutCustomSections(module: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const kept = [module.subarray(0, 8)];
  for (let at = 8; at < module.length;) {
    const start = at;
    const id = module[at];
    const size = leb(module, at + 1);
    at = size.end + size.value;
    const name = id === 0 ? leb(module, size.end) : undefined;
    const label = name === undefined ? "" : Buffer.from(module.subarray(name.end, name.end + name.value)).toString();
    if (name === undefined || label.startsWith("component-type")) kept.push(module.subarray(start, at));
  }
  return Uint8Array.from(Buffer.concat(kept));
}

function leb(bytes: Uint8Array, start: number): { readonly value: number; readonly end: number } {
  let value = 0;
  let end = start;
  for (let shift = 0; ; shift += 7) {
    const byte = bytes[end] ?? 0;
    end += 1;
    value += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) return { value, end };
  }
}
