/**
 * `node scripts/componentize.ts CORE.wasm OUT.wasm [--embed]`: a component of a core module that another toolchain made for
 * WASI preview 1, by way of the adapter that jco ships. `--embed` adds the description of our world, for toolchains without
 * bindings of their own (C, Go); `wit-bindgen` adds it itself. Custom sections (names, DWARF) are dropped.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { componentEmbed, componentNew } from "@bytecodealliance/jco-transpile/wasm-tools";

const ROOT = join(import.meta.dirname, "..");
const WIT = join(ROOT, "wit/tasker-handler@1.0.0");

const { positionals, values } = parseArgs({ allowPositionals: true, options: { embed: { type: "boolean" } } });
const [corePath, outPath] = positionals;
if (corePath === undefined || outPath === undefined) {
  process.stderr.write("Usage: node scripts/componentize.ts CORE.wasm OUT.wasm [--embed]\n");
  process.exit(2);
}

const core = withoutCustomSections(Uint8Array.from(readFileSync(corePath)));
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
