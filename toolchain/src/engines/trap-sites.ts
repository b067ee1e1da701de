/**
 * What a backtrace needs to know of compiled code that the source map does not say: the functions' names, and where in each
 * function an instruction stands at which a run can stop or be on its way elsewhere (a trap, a call).
 *
 * The host runs the code with its own accounting put between the instructions: offsets change, the order of these
 * instructions does not. The n-th of a function in the metered code is the n-th here.
 */
import { readImports, readSections, readUnsigned } from "./core-module.ts";

/** One defined function. */
export interface FunctionSites {
  readonly name: string;
  /** Where its body begins, from the module's start. */
  readonly start: number;
  /** Pairs: what kind of instruction, and by how many bytes it lies behind the one before (the first: behind `start`). */
  readonly sites: readonly number[];
}

const CODE_SECTION = 10;
const CUSTOM_SECTION = 0;
const FUNCTION_IMPORT = 0;

/** The functions that the module defines, in their order. Names are the compiler's: `handlers/compose`. */
export function trapSites(module: Uint8Array): readonly FunctionSites[] {
  const sections = readSections(module);
  const names = functionNames(
    sections.find(({ id, body }) => id === CUSTOM_SECTION && sectionName(body) === "name")?.body,
  );
  const code = sections.find(({ id }) => id === CODE_SECTION)?.body;
  if (code === undefined) return [];
  const imported = readImports(sections).filter(({ type }) => type[0] === FUNCTION_IMPORT).length;
  const base = code.byteOffset - module.byteOffset;
  let [count, at] = readUnsigned(code, 0);
  const functions: FunctionSites[] = [];
  for (let index = imported; count > 0; count -= 1, index += 1) {
    const [size, start] = readUnsigned(code, at);
    at = start + size;
    functions.push({ name: names.get(index) ?? "", start: base + start, sites: sitesOf(code, start, at) });
  }
  return functions;
}

function sectionName(body: Buffer): string {
  const [length, start] = readUnsigned(body, 0);
  return body.toString("utf8", start, start + length);
}

/** Subsection 1 of the name section: functions by index. */
function functionNames(section: Buffer | undefined): ReadonlyMap<number, string> {
  const names = new Map<number, string>();
  if (section === undefined) return names;
  const [length, start] = readUnsigned(section, 0);
  for (let at = start + length; at < section.length;) {
    const kind = section[at];
    const [size, body] = readUnsigned(section, at + 1);
    at = body + size;
    if (kind !== 1) continue;
    let [count, next] = readUnsigned(section, body);
    for (; count > 0; count -= 1) {
      const [index, nameAt] = readUnsigned(section, next);
      const [nameLength, nameStart] = readUnsigned(section, nameAt);
      next = nameStart + nameLength;
      names.set(index, section.toString("utf8", nameStart, next));
    }
  }
  return names;
}

/** The sites of the body in `[start, end)`; none where it holds an instruction that this walk does not know. */
function sitesOf(code: Buffer, start: number, end: number): readonly number[] {
  const sites: number[] = [];
  let last = start;
  let at = afterLocals(code, start);
  while (at < end) {
    const kind = siteKind(code, at);
    if (kind !== undefined) {
      sites.push(kind, at - last);
      last = at;
    }
    const next = afterInstruction(code, at);
    if (next === undefined) return [];
    at = next;
  }
  return sites;
}

function afterLocals(code: Buffer, start: number): number {
  let [groups, at] = readUnsigned(code, start);
  for (; groups > 0; groups -= 1) at = readUnsigned(code, at)[1] + 1;
  return at;
}

const CALL = 0x10;
const MEMORY_GROW = 0x40;
const BULK = 0xfc;

/** The opcode of an instruction that can trap or call. Growth counts as a call: the host makes one of it. */
function siteKind(code: Buffer, at: number): number | undefined {
  const opcode = code[at] ?? 0;
  if (opcode === MEMORY_GROW) return CALL;
  if (opcode === BULK) {
    const [operation] = readUnsigned(code, at + 1);
    return [8, 10, 11].includes(operation) ? (opcode << 8) | operation : undefined;
  }
  return CAN_STOP.some(([from, to]) => opcode >= from && opcode <= to) ? opcode : undefined;
}

/** unreachable, calls, loads and stores, divisions and remainders, truncations. */
const CAN_STOP: readonly (readonly [from: number, to: number])[] = [
  [0x00, 0x00],
  [0x10, 0x11],
  [0x28, 0x3e],
  [0x6d, 0x70],
  [0x7f, 0x82],
  [0xa8, 0xab],
  [0xae, 0xb1],
];

/** Behind the instruction at `at`; undefined for one that AssemblyScript does not make. */
function afterInstruction(code: Buffer, at: number): number | undefined {
  const opcode = code[at] ?? 0;
  const next = at + 1;
  if (opcode === 0x0e) return afterNumbers(code, ...countAt(code, next, 1));
  if (opcode === 0x43) return next + 4;
  if (opcode === 0x44) return next + 8;
  if (opcode === 0x1c) return next + 1 + (code[next] ?? 0);
  if (opcode === BULK) {
    const [operation, behind] = readUnsigned(code, next);
    const numbers = BULK_NUMBERS[operation];
    return numbers === undefined ? undefined : afterNumbers(code, numbers, behind);
  }
  const numbers = NUMBERS.find(([from, to]) => opcode >= from && opcode <= to)?.[2];
  return numbers === undefined ? undefined : afterNumbers(code, numbers, next);
}

/** LEB128 numbers that follow an opcode. */
const NUMBERS: readonly (readonly [from: number, to: number, count: number])[] = [
  [0x00, 0x01, 0],
  [0x02, 0x04, 1], // block, loop, if: a type
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
  [0x28, 0x3e, 2], // loads and stores: alignment, offset
  [0x3f, 0x42, 1], // memory.size, memory.grow, i32.const, i64.const
  [0x45, 0xc4, 0],
  [0xd0, 0xd0, 1],
  [0xd1, 0xd1, 0],
  [0xd2, 0xd2, 1],
];

const BULK_NUMBERS: Readonly<Record<number, number>> = {
  ...Object.fromEntries(Array.from({ length: 8 }, (_, operation) => [operation, 0])),
  8: 2,
  9: 1,
  10: 2,
  11: 1,
};

/** A vector's length (and `more`), and where its items begin. */
function countAt(code: Buffer, at: number, more: number): [count: number, next: number] {
  const [count, next] = readUnsigned(code, at);
  return [count + more, next];
}

function afterNumbers(code: Buffer, count: number, start: number): number {
  let at = start;
  for (let left = count; left > 0; left -= 1) {
    while ((code[at] ?? 0) >= 0x80) at += 1;
    at += 1;
  }
  return at;
}
