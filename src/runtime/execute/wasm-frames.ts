/**
 * Frames of compiled code, as V8 gives them for a trap or under a host call: `wasm-function[12]:0x1a3`, a function and an offset
 * of the metered module. The source map of an AssemblyScript component names the functions and lists, for each, the
 * instructions at which a run can stop; metering keeps their order, so the n-th of the metered function is the n-th of the
 * list, and the list has its place in the author's code.
 */
import type { Artifact } from "../artifact.ts";
import { ByteReader } from "../component/byte-reader.ts";
import type { FunctionSites } from "../read-source-map.ts";

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

/** The functions of one component's compiled code and what its map lists of them: each read once, when a frame is in it. */
export class CompiledPlaces {
  readonly #main: Uint8Array;
  readonly #functions: readonly FunctionSites[];
  readonly #read = new Map<number, FunctionPlaces>();
  #layout: Layout | undefined;

  constructor({ modules }: Pick<Artifact, "modules">, functions: readonly FunctionSites[]) {
    // The others are adapters of some hundred bytes.
    this.#main = modules.reduce(
      (largest, module) => (module.bytes.length > largest.length ? module.bytes : largest),
      EMPTY,
    );
    this.#functions = functions;
  }

  /** Undefined for functions that metering added, and where the code is not what the list says. */
  placeOf({ functionIndex, offset }: WasmFrame): CompiledPlace | undefined {
    if (this.#functions.length === 0) return undefined;
    this.#layout ??= attempt(() => readLayout(this.#main), NO_LAYOUT);
    const index = functionIndex - this.#layout.importedFunctions;
    const listed = this.#functions[index];
    const start = this.#layout.bounds[index * 2];
    const end = this.#layout.bounds[index * 2 + 1];
    if (listed === undefined || start === undefined || end === undefined) return undefined;
    if (offset < start || offset >= end) return undefined;
    let read = this.#read.get(index);
    if (read === undefined) {
      read = attempt(() => functionPlaces(meteredSites(this.#main, start, end), listed), NO_PLACES);
      this.#read.set(index, read);
    }
    const place = read.places[indexOf(read.offsets, offset)];
    return place === undefined ? undefined : { name: listed.name, offset: place, start: listed.start };
  }
}

const EMPTY = new Uint8Array();

/** What cannot be read is not read again for the next frame. */
function attempt<T>(read: () => T, otherwise: T): T {
  try {
    return read();
  } catch {
    return otherwise;
  }
}

/** Of the instructions of a metered function at which a run can stop. */
interface FunctionPlaces {
  /** From the metered module's start, ascending. */
  readonly offsets: Uint32Array;
  /** From the start of the module before metering. */
  readonly places: Float64Array;
}

const NO_PLACES: FunctionPlaces = { offsets: new Uint32Array(), places: new Float64Array() };

/**
 * The metered list holds the other one in its order, and more. What metering added stands for what it guards, which is the
 * next of the author's: a call too deep, the body of a loop without fuel.
 */
function functionPlaces({ kinds, offsets }: MeteredSites, { sites: original, start }: FunctionSites): FunctionPlaces {
  const places = new Float64Array(kinds.length);
  let at = 0;
  let place = start;
  /** Sites before this one have their place. */
  let placed = 0;
  kinds.forEach((kind, index) => {
    if (original[at] !== kind) return;
    place += original[at + 1] ?? 0;
    at += 2;
    places.fill(place, placed, index + 1);
    placed = index + 1;
  });
  places.fill(place, placed);
  return { offsets: Uint32Array.from(offsets), places };
}

/** Where the offset stands among ascending ones; -1 where it does not. */
function indexOf(offsets: Uint32Array, offset: number): number {
  let low = 0;
  let high = offsets.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((offsets[middle] ?? Infinity) < offset) low = middle + 1;
    else high = middle;
  }
  return offsets[low] === offset ? low : -1;
}

interface Layout {
  readonly importedFunctions: number;
  /** Of each defined function, where its body begins and ends. */
  readonly bounds: readonly number[];
}

const NO_LAYOUT: Layout = { importedFunctions: 0, bounds: [] };

/** In longer code, no function has a place: finding them reads the code. AssemblyScript's has some ten thousand bytes. */
const MAX_CODE_BYTES = 4_194_304;

const IMPORT_SECTION = 2;
const CODE_SECTION = 10;

/** Of a module that V8 has compiled: what is read here is there. */
function readLayout(module: Uint8Array): Layout {
  const reader = new ByteReader(module, 8);
  let importedFunctions = 0;
  const bounds: number[] = [];
  while (!reader.done) {
    const id = reader.byte();
    const section = reader.part(reader.u32());
    if (id === IMPORT_SECTION) importedFunctions = countFunctionImports(section);
    if (id !== CODE_SECTION || section.end - section.at > MAX_CODE_BYTES) continue;
    for (let count = section.u32(); count > 0; count -= 1) {
      const size = section.u32();
      bounds.push(section.at, section.at + size);
      section.skip(size);
    }
  }
  return { importedFunctions, bounds };
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

/** In the order of the code. */
interface MeteredSites {
  readonly kinds: readonly number[];
  readonly offsets: readonly number[];
}

function meteredSites(module: Uint8Array, start: number, end: number): MeteredSites {
  const reader = new ByteReader(module, start, end);
  for (let groups = reader.u32(); groups > 0; groups -= 1) {
    reader.u32();
    reader.byte();
  }
  const kinds: number[] = [];
  const offsets: number[] = [];
  while (!reader.done) {
    const at = reader.at;
    const opcode = reader.byte();
    const operation = opcode === BULK ? reader.u32() : 0;
    if (!skipImmediates(reader, opcode, operation)) return { kinds: [], offsets: [] };
    if (opcode === BULK ? !BULK_STOPS.has(operation) : !STOPS.has(opcode)) continue;
    kinds.push(opcode === BULK ? (opcode << 8) | operation : opcode);
    offsets.push(at);
  }
  return { kinds, offsets };
}

/** unreachable, calls, loads and stores, divisions and remainders, truncations. */
const STOPS: ReadonlySet<number> = new Set(
  [
    [0x00, 0x00],
    [CALL, 0x11],
    [0x28, 0x3e],
    [0x6d, 0x70],
    [0x7f, 0x82],
    [0xa8, 0xab],
    [0xae, 0xb1],
  ].flatMap(([from = 0, to = 0]) => range(from, to)),
);
/** Of memory: init, copy, fill. */
const BULK_STOPS: ReadonlySet<number> = new Set([8, 10, 11]);

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, at) => from + at);
}

/** False for an instruction that neither AssemblyScript nor metering makes. */
function skipImmediates(reader: ByteReader, opcode: number, operation: number): boolean {
  let numbers: number | undefined;
  if (opcode === 0x0e) numbers = reader.u32() + 1;
  else if (opcode === 0x43) return skipped(reader, 4);
  else if (opcode === 0x44) return skipped(reader, 8);
  else if (opcode === 0x1c) return skipped(reader, reader.u32());
  else if (opcode === BULK) numbers = operation < 8 ? 0 : BULK_NUMBERS[operation];
  else numbers = NUMBERS.get(opcode);
  if (numbers === undefined) return false;
  for (let left = numbers; left > 0; left -= 1) reader.skipLeb(10);
  return true;
}

function skipped(reader: ByteReader, bytes: number): true {
  reader.skip(bytes);
  return true;
}

/** LEB128 numbers that follow an opcode. */
const NUMBERS: ReadonlyMap<number, number> = new Map(
  [
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
  ].flatMap(([from = 0, to = 0, count = 0]) => range(from, to).map((opcode) => [opcode, count] as const)),
);

const BULK_NUMBERS: Readonly<Record<number, number>> = { 8: 2, 9: 1, 10: 2, 11: 1 };
