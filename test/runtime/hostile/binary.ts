/** Component bytes by hand, for what no well-meaning tool would write. */
import { componentEmbed, componentNew, parse } from "@bytecodealliance/jco-transpile/wasm-tools";
import { readComponent } from "../../../src/runtime/component/read-component.ts";
import { withoutCustomSections } from "../../../src/runtime/component/read-module.ts";
import { EMPTY_SUCCESS, type WatGuest, WIT_SOURCE, wat, watComponent } from "../support/wat-component.ts";
import type { Bytes } from "./hostile-case.ts";

const COMPONENT = [0x00, 0x61, 0x73, 0x6d, 0x0d, 0x00, 0x01, 0x00];
const MODULE = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00];

/** The bytes of a component or module in text form. */
export async function text(source: string): Promise<Bytes> {
  return Uint8Array.from(await parse(source));
}

/** A component whose only content is one core module. */
export function textModule(fields: string): Promise<Bytes> {
  return text(`(component (core module ${fields}))`);
}

/** A whole handler with more in its module than it should have. */
export function handlerWith(fields: string): () => Promise<Bytes> {
  return () => watComponent({ handle: EMPTY_SUCCESS, fields });
}

/** A handler whose module has these names for its functions, and no others. */
export async function handlerNamed(
  guest: WatGuest,
  names: readonly (readonly [index: number, name: Uint8Array])[],
): Promise<Bytes> {
  const core = withoutCustomSections(Uint8Array.from(await parse(wat(guest))));
  const binary = joined(core, nameSection(names));
  const embedded = await componentEmbed({ binary, witSource: WIT_SOURCE, world: "handler", stringEncoding: "utf8" });
  return Uint8Array.from(await componentNew(embedded));
}

/** A custom section with the names of functions. */
export function nameSection(names: readonly (readonly [index: number, name: Uint8Array])[]): Bytes {
  const entries = names.map(([index, name]) => joined(leb(index), leb(name.length), name));
  return section(0, joined(nameBytes("name"), vector(1, names.length, ...entries)));
}

/** A good handler with one more component in it, which is instantiated. */
export async function withInner(source: string): Promise<Bytes> {
  const good = await watComponent({ handle: EMPTY_SUCCESS });
  const before = readComponent(good).definitions.filter(({ kind }) => kind === "component").length;
  return joined(good, section(4, await text(source)), section(5, [1, 0, ...leb(before), 0]));
}

export function component(...sections: readonly (readonly number[] | Uint8Array)[]): Bytes {
  return joined(COMPONENT, ...sections);
}

/** A component that holds a core module of the given sections. */
export function componentOfModule(...sections: readonly (readonly number[] | Uint8Array)[]): Bytes {
  return component(section(1, joined(MODULE, ...sections)));
}

export function section(id: number, body: readonly number[] | Uint8Array): Bytes {
  return joined([id], leb(body.length), body);
}

/** A vector section: the count, then the entries as they are. */
export function vector(id: number, count: number, ...entries: readonly (readonly number[] | Uint8Array)[]): Uint8Array {
  return section(id, joined(leb(count), ...entries));
}

export function nameBytes(name: string): Uint8Array {
  const bytes = Buffer.from(name);
  return joined(leb(bytes.length), bytes);
}

export function leb(value: number): number[] {
  const bytes: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return [...bytes, rest];
    bytes.push((rest % 128) + 128);
  }
}

export function joined(...parts: readonly (readonly number[] | Uint8Array)[]): Bytes {
  return Uint8Array.from(Buffer.concat(parts.map((part) => Uint8Array.from(part))));
}
