/** The two modules that wit-component writes around one that imports functions of memory, recognised by all that they are. */
import type { ByteReader } from "../component/byte-reader.ts";
import type { ModuleInterface } from "../component/read-module.ts";
import { EXTERN, type ModuleShape, SECTION } from "./meter/index.ts";

/** A function that does nothing but call what a slot of its module's table holds. `type` is the same text for the same type. */
export interface Forwarder {
  readonly slot: number;
  readonly type: string;
}

/** What a fixup puts into a table: by slot, which of its imports, and of what type. */
export interface Filling {
  readonly slots: readonly { readonly at: number; readonly type: string }[];
  /** The import that is its start function. */
  readonly start: number | undefined;
}

/** Export of a shim's table, import of a fixup. */
export const SHIM_TABLE = "$imports";

const FUNCREF = 0x70;
const CODE = { localGet: 0x20, i32Const: 0x41, callIndirect: 0x11, end: 0x0b } as const;

/** A core module as two readers see it: what it declares, and what its imports are. */
export interface Module {
  readonly shape: ModuleShape;
  readonly interface: ModuleInterface;
}

/** The forwarders of a shim by the names of their exports; undefined where the module is anything else. */
export function readShim({ shape }: Module): ReadonlyMap<string, Forwarder> | undefined {
  const { type, function: functions, table, export: exported, code } = SECTION;
  const exports = shape.section(exported);
  const slots = hasOnly(shape, [type, functions, table, exported, code]) ? forwardedSlots(shape) : undefined;
  if (exports === undefined || slots === undefined || !isWholeTable(shape.section(table), slots.length))
    return undefined;
  const forwarders = new Map<string, Forwarder>();
  for (let count = exports.u32(); count > 0; count -= 1) {
    const name = exports.text(exports.end);
    const kind = exports.byte();
    const index = exports.u32();
    if ((name === SHIM_TABLE) !== (kind === EXTERN.table)) return undefined;
    if (kind === EXTERN.table) continue;
    const slot = slots[index];
    if (kind !== EXTERN.function || slot === undefined) return undefined;
    forwarders.set(name, { slot, type: typeOf(shape, index) });
  }
  return forwarders;
}

/** By function, the slot that it calls. */
function forwardedSlots(shape: ModuleShape): readonly number[] | undefined {
  const bodies = shape.section(SECTION.code);
  if (bodies === undefined) return undefined;
  const slots: number[] = [];
  for (let index = 0, count = bodies.u32(); index < count; index += 1) {
    const body = bodies.part(bodies.u32());
    const type = shape.functions[index] ?? -1;
    // No locals of its own.
    if (!reads(body, 0)) return undefined;
    for (let at = 0; at < (shape.types[type]?.params.count ?? 0); at += 1) {
      if (!reads(body, CODE.localGet) || body.u32() !== at) return undefined;
    }
    if (!reads(body, CODE.i32Const)) return undefined;
    slots.push(body.s33());
    if (!reads(body, CODE.callIndirect) || body.u32() !== type || !reads(body, 0, CODE.end)) return undefined;
  }
  return slots;
}

/** One table of functions that is empty and has that many slots for ever. */
function isWholeTable(tables: ByteReader | undefined, slots: number): boolean {
  return tables !== undefined && reads(tables, 1, FUNCREF, 1) && tables.u32() === slots && tables.u32() === slots;
}

/** What a fixup does; undefined where the module does anything else. */
export function readFixup(module: Module): Filling | undefined {
  const { shape } = module;
  const elements = shape.section(SECTION.element);
  const { type, import: imported, start, element } = SECTION;
  if (elements === undefined || !hasOnly(shape, [type, imported, start, element])) return undefined;
  const types = importedFunctions(module);
  const places = [...types.keys()].filter((at) => types[at] !== undefined);
  const [table, ...others] = shape.tables;
  if (table === undefined || others.length > 0 || types.length !== places.length + 1) return undefined;
  // One segment, active, from slot 0 on, and all slots of the table in it.
  if (!reads(elements, 1, 0, CODE.i32Const, 0, CODE.end)) return undefined;
  const slots = Array.from({ length: elements.u32() }, () => places[elements.u32()] ?? -1);
  if (table.minEntries !== slots.length || table.maxEntries !== slots.length) return undefined;
  const started = shape.section(start);
  return {
    slots: slots.map((at) => ({ at, type: types[at] ?? "" })),
    start: started && (places[started.u32()] ?? -1),
  };
}

/** By import, the type of a function; undefined for what is none. */
export function importedFunctions({ shape, interface: { imports } }: Module): readonly (string | undefined)[] {
  let functions = 0;
  return imports.map(({ sort }) => (sort === "func" ? typeOf(shape, functions++) : undefined));
}

function typeOf({ types, functions }: ModuleShape, index: number): string {
  const type = types[functions[index] ?? -1];
  return type === undefined ? "" : `${type.params.bytes.join()}>${type.results.bytes.join()}`;
}

function hasOnly(shape: ModuleShape, allowed: readonly number[]): boolean {
  return Object.values(SECTION).every(
    (id) => id === SECTION.custom || allowed.includes(id) || shape.section(id) === undefined,
  );
}

function reads(reader: ByteReader, ...bytes: readonly number[]): boolean {
  return bytes.every((byte) => !reader.done && reader.byte() === byte);
}
