/**
 * Frames of compiled code, as V8 gives them for a trap or under a host call: `wasm-function[12]:0x1a3`, a function and an offset
 * of the metered module. The source map of an AssemblyScript component names the functions and lists, for each, the
 * instructions at which a run can stop; metering keeps their order, so the n-th of the metered function is the n-th of the
 * list, and the list has its place in the author's code.
 */
import type { Artifact } from "../artifact.ts";
import { ByteReader } from "../component/byte-reader.ts";

/** A frame of V8's stack text in a module of the guest's. */
export interface WasmFrame {
  /** With imports. */
  readonly functionIndex: number;
  /** From the module's start. */
  readonly offset: number;
}

/** Where a frame is in the code before metering. */
export interface CompiledPlace {
  readonly name: string;
  /** From the start of the unmetered module: columns of line 1 of its source map. The function's body begins at `start`. */
  readonly offset: number;
  readonly start: number;
}

/** A function of the module before metering: pairs of an instruction's kind and how far it lies behind the one before. */
export interface FunctionSites {
  readonly name: string;
  /** Where its body begins. */
  readonly start: number;
  readonly sites: readonly number[];
}

/** The functions that a source map of compiled code lists as `x_tasker_functions`; none where it lists none or nonsense. */
export function functionSites(map: unknown): readonly FunctionSites[] {
  if (typeof map !== "object" || map === null || !("x_tasker_functions" in map)) return [];
  const functions: unknown = map.x_tasker_functions;
  return Array.isArray(functions) && functions.every(isFunctionSites) ? functions : [];
}

function isFunctionSites(value: unknown): value is FunctionSites {
  if (typeof value !== "object" || value === null || !("name" in value) || !("sites" in value)) return false;
  const { name, sites } = value;
  if (!("start" in value) || typeof value.start !== "number") return false;
  return typeof name === "string" && Array.isArray(sites) && sites.every((site) => typeof site === "number");
}

/** Undefined for functions that metering added, and where the code is not what the list says. */
export function placeOf(
  frame: WasmFrame,
  functions: readonly FunctionSites[],
  { modules }: Pick<Artifact, "modules">,
): CompiledPlace | undefined {
  // The others are adapters of some hundred bytes.
  const main = modules.reduce(
    (largest, module) => (module.bytes.length > largest.length ? module.bytes : largest),
    EMPTY,
  );
  const layout = readLayout(main);
  const index = frame.functionIndex - layout.importedFunctions;
  const sites = functions[index];
  const body = layout.bodies[index];
  if (sites === undefined || body === undefined || frame.offset < body.start || frame.offset >= body.end)
    return undefined;
  const offset = originalOffset(frame.offset, meteredSites(main, body.start, body.end), sites);
  return offset === undefined ? undefined : { name: sites.name, offset, start: sites.start };
}

const EMPTY = new Uint8Array();

/**
 * Pairs of kind and offset. The metered list holds the other one in its order, and more. What metering added stands for what
 * it guards, which is the next of the author's: a call too deep, the body of a loop without fuel.
 */
function originalOffset(
  offset: number,
  metered: readonly (readonly [kind: number, offset: number])[],
  { sites: original, start }: FunctionSites,
): number | undefined {
  let at = 0;
  let place = start;
  let reached = false;
  for (const [kind, here] of metered) {
    const matches = at < original.length && original[at] === kind;
    if (matches) {
      place += original[at + 1] ?? 0;
      at += 2;
    }
    reached ||= here === offset;
    if (reached && matches) return place;
  }
  return reached ? place : undefined;
}

interface Layout {
  readonly importedFunctions: number;
  readonly bodies: readonly { readonly start: number; readonly end: number }[];
}

const IMPORT_SECTION = 2;
const CODE_SECTION = 10;

/** Of a module that V8 has compiled: what is read here is there. */
function readLayout(module: Uint8Array): Layout {
  const reader = new ByteReader(module, 8);
  let importedFunctions = 0;
  const bodies: { start: number; end: number }[] = [];
  while (!reader.done) {
    const id = reader.byte();
    const section = reader.part(reader.u32());
    if (id === IMPORT_SECTION) importedFunctions = countFunctionImports(section);
    if (id !== CODE_SECTION) continue;
    for (let count = section.u32(); count > 0; count -= 1) {
      const size = section.u32();
      bodies.push({ start: section.at, end: section.at + size });
      section.skip(size);
    }
  }
  return { importedFunctions, bodies };
}

function countFunctionImports(section: ByteReader): number {
  let functions = 0;
  for (let count = section.u32(); count > 0; count -= 1) {
    section.skip(section.u32());
    section.skip(section.u32());
    const kind = section.byte();
    if (kind === 0) functions += 1;
    if (kind === 0) section.u32();
    else if (kind === 3) section.skip(2);
    else {
      if (kind === 1) section.byte();
      const flags = section.byte();
      section.u32();
      if ((flags & 1) !== 0) section.u32();
    }
  }
  return functions;
}

const CALL = 0x10;
const BULK = 0xfc;

function meteredSites(module: Uint8Array, start: number, end: number): (readonly [kind: number, offset: number])[] {
  const reader = new ByteReader(module, start, end);
  for (let groups = reader.u32(); groups > 0; groups -= 1) {
    reader.u32();
    reader.byte();
  }
  const sites: (readonly [number, number])[] = [];
  while (!reader.done) {
    const at = reader.at;
    const opcode = reader.byte();
    const operation = opcode === BULK ? reader.u32() : 0;
    if (!skipImmediates(reader, opcode, operation)) return [];
    if (opcode === BULK && [8, 10, 11].includes(operation)) sites.push([(opcode << 8) | operation, at]);
    else if (CAN_STOP.some(([from, to]) => opcode >= from && opcode <= to)) sites.push([opcode, at]);
  }
  return sites;
}

/** unreachable, calls, loads and stores, divisions and remainders, truncations. */
const CAN_STOP: readonly (readonly [from: number, to: number])[] = [
  [0x00, 0x00],
  [CALL, 0x11],
  [0x28, 0x3e],
  [0x6d, 0x70],
  [0x7f, 0x82],
  [0xa8, 0xab],
  [0xae, 0xb1],
];

/** False for an instruction that neither AssemblyScript nor metering makes. */
function skipImmediates(reader: ByteReader, opcode: number, operation: number): boolean {
  let numbers: number | undefined;
  if (opcode === 0x0e) numbers = reader.u32() + 1;
  else if (opcode === 0x43) return skipped(reader, 4);
  else if (opcode === 0x44) return skipped(reader, 8);
  else if (opcode === 0x1c) return skipped(reader, reader.u32());
  else if (opcode === BULK) numbers = operation < 8 ? 0 : BULK_NUMBERS[operation];
  else numbers = NUMBERS.find(([from, to]) => opcode >= from && opcode <= to)?.[2];
  if (numbers === undefined) return false;
  for (let left = numbers; left > 0; left -= 1) reader.skipLeb(10);
  return true;
}

function skipped(reader: ByteReader, bytes: number): true {
  reader.skip(bytes);
  return true;
}

/** LEB128 numbers that follow an opcode. */
const NUMBERS: readonly (readonly [from: number, to: number, count: number])[] = [
  [0x00, 0x01, 0],
  [0x02, 0x04, 1],
  [0x05, 0x05, 0],
  [0x0b, 0x0b, 0],
  [0x0c, 0x0d, 1],
  [0x0f, 0x0f, 0],
  [0x10, 0x10, 1],
  [0x11, 0x11, 2],
  [0x12, 0x12, 1],
  [0x13, 0x13, 2],
  [0x1a, 0x1b, 0],
  [0x20, 0x26, 1],
  [0x28, 0x3e, 2],
  [0x3f, 0x42, 1],
  [0x45, 0xc4, 0],
  [0xd0, 0xd0, 1],
  [0xd1, 0xd1, 0],
  [0xd2, 0xd2, 1],
];

const BULK_NUMBERS: Readonly<Record<number, number>> = { 8: 2, 9: 1, 10: 2, 11: 1 };
