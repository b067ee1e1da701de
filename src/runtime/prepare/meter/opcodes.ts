/**
 * The instructions that metering knows, by what follows the opcode and by what they do to the height of the operand
 * stack. An opcode that is in none of these tables is refused, whatever V8 thinks of it: new instructions are admitted
 * here, by hand, after somebody thought about what they cost and what they allocate.
 */

/** What follows an opcode. */
export const IMMEDIATE = {
  unknown: 0,
  none: 1,
  /** One number in LEB128. */
  number: 2,
  /** Alignment (with bit 6: a memory index follows) and offset. */
  memory: 4,
  /** The same and a lane. */
  memoryLane: 5,
  fourBytes: 6,
  eightBytes: 7,
  sixteenBytes: 8,
  lane: 9,
  /** The rewriter has a case of its own. */
  special: 10,
} as const;

export interface OpcodeTable {
  /** By opcode: one of `IMMEDIATE`. */
  readonly immediate: Uint8Array;
  /** By opcode: pushes minus pops. */
  readonly growth: Int8Array;
}

type Row = readonly [from: number, to: number, immediate: keyof typeof IMMEDIATE, growth: number];

function table(rows: readonly Row[]): OpcodeTable {
  const immediate = new Uint8Array(256);
  const growth = new Int8Array(256);
  for (const [from, to, kind, change] of rows) {
    immediate.fill(IMMEDIATE[kind], from, to + 1);
    growth.fill(change, from, to + 1);
  }
  return { immediate, growth };
}

/** Opcodes of one byte. Not in it: ref.eq (0xd3), GC (0xfb), threads (0xfe), stack switching (0xe0 … 0xe6). */
export const PLAIN_OPCODES = table([
  [0x00, 0x15, "special", 0],
  [0x16, 0x17, "unknown", 0],
  [0x18, 0x19, "special", 0],
  [0x1a, 0x1a, "special", 0],
  [0x1b, 0x1b, "none", -2], // select
  [0x1c, 0x1c, "special", 0], // select with types
  [0x1f, 0x1f, "special", 0], // try_table
  [0x20, 0x24, "special", 0], // local.*, global.*
  [0x25, 0x25, "number", 0], // table.get
  [0x26, 0x26, "number", -2], // table.set
  [0x28, 0x35, "memory", 0], // loads
  [0x36, 0x3e, "memory", -2], // stores
  [0x3f, 0x3f, "number", 1], // memory.size
  [0x40, 0x40, "special", 0], // memory.grow
  [0x41, 0x42, "number", 1], // i32.const, i64.const
  [0x43, 0x43, "fourBytes", 1],
  [0x44, 0x44, "eightBytes", 1],
  [0x45, 0x45, "none", 0], // i32.eqz
  [0x46, 0x4f, "none", -1],
  [0x50, 0x50, "none", 0], // i64.eqz
  [0x51, 0x66, "none", -1], // comparisons of i64, f32, f64
  [0x67, 0x69, "none", 0], // i32.clz, ctz, popcnt
  [0x6a, 0x78, "none", -1],
  [0x79, 0x7b, "none", 0], // i64.clz, ctz, popcnt
  [0x7c, 0x8a, "none", -1],
  [0x8b, 0x91, "none", 0], // f32.abs … sqrt
  [0x92, 0x98, "none", -1],
  [0x99, 0x9f, "none", 0], // f64.abs … sqrt
  [0xa0, 0xa6, "none", -1],
  [0xa7, 0xc4, "none", 0], // conversions, sign extension
  [0xd0, 0xd0, "special", 0], // ref.null
  [0xd1, 0xd1, "none", 0], // ref.is_null
  [0xd2, 0xd2, "special", 0], // ref.func
  [0xd4, 0xd4, "none", 0], // ref.as_non_null
  [0xd5, 0xd6, "special", 0], // br_on_null, br_on_non_null
  [0xfc, 0xfd, "special", 0],
]);

/** Opcodes behind 0xfc. Not in it: wide arithmetic. */
export const BULK_OPCODES = table([
  [0x00, 0x07, "none", 0], // saturating truncation
  [0x08, 0x08, "special", -3], // memory.init
  [0x09, 0x09, "number", 0], // data.drop
  [0x0a, 0x0c, "special", -3], // memory.copy, memory.fill, table.init
  [0x0d, 0x0d, "number", 0], // elem.drop
  [0x0e, 0x0e, "special", -3], // table.copy
  [0x0f, 0x0f, "special", -1], // table.grow
  [0x10, 0x10, "number", 1], // table.size
  [0x11, 0x11, "special", -3], // table.fill
]);

/** Opcodes behind 0xfd. Not in it: relaxed SIMD (0x100 and up), whose results differ between machines. */
export const VECTOR_OPCODES = table([
  [0x00, 0x0a, "memory", 0], // loads
  [0x0b, 0x0b, "memory", -2], // v128.store
  [0x0c, 0x0c, "sixteenBytes", 1], // v128.const
  [0x0d, 0x0d, "sixteenBytes", -1], // i8x16.shuffle
  [0x0e, 0x0e, "none", -1], // i8x16.swizzle
  [0x0f, 0x14, "none", 0], // splats
  [0x15, 0x22, "lane", 0], // extract_lane …
  [0x17, 0x17, "lane", -1], // … and replace_lane
  [0x1a, 0x1a, "lane", -1],
  [0x1c, 0x1c, "lane", -1],
  [0x1e, 0x1e, "lane", -1],
  [0x20, 0x20, "lane", -1],
  [0x22, 0x22, "lane", -1],
  [0x23, 0x4c, "none", -1], // comparisons
  [0x4d, 0x4d, "none", 0], // v128.not
  [0x4e, 0x51, "none", -1], // and, andnot, or, xor
  [0x52, 0x52, "none", -2], // bitselect
  [0x53, 0x53, "none", 0], // any_true
  [0x54, 0x57, "memoryLane", -1], // load lane
  [0x58, 0x5b, "memoryLane", -2], // store lane
  [0x5c, 0x5d, "memory", 0], // load zero
  [0x5e, 0x64, "none", 0], // demote, promote, i8x16: abs, neg, popcnt, all_true, bitmask
  [0x65, 0x66, "none", -1], // narrow
  [0x67, 0x6a, "none", 0], // f32x4: ceil, floor, trunc, nearest
  [0x6b, 0x73, "none", -1], // i8x16: shifts, add, sub
  [0x74, 0x75, "none", 0], // f64x2: ceil, floor
  [0x76, 0x79, "none", -1], // i8x16: min, max
  [0x7a, 0x7a, "none", 0], // f64x2.trunc
  [0x7b, 0x7b, "none", -1], // i8x16.avgr_u
  [0x7c, 0x81, "none", 0], // extadd_pairwise, i16x8: abs, neg
  [0x82, 0x82, "none", -1], // q15mulr_sat
  [0x83, 0x84, "none", 0], // all_true, bitmask
  [0x85, 0x86, "none", -1], // narrow
  [0x87, 0x8a, "none", 0], // extend
  [0x8b, 0x93, "none", -1], // i16x8: shifts, add, sub
  [0x94, 0x94, "none", 0], // f64x2.nearest
  [0x95, 0x99, "none", -1], // mul, min, max
  [0x9b, 0x9f, "none", -1], // avgr, extmul
  [0xa0, 0xa1, "none", 0], // i32x4: abs, neg
  [0xa3, 0xa4, "none", 0], // all_true, bitmask
  [0xa7, 0xaa, "none", 0], // extend
  [0xab, 0xae, "none", -1], // shifts, add
  [0xb1, 0xb1, "none", -1], // sub
  [0xb5, 0xba, "none", -1], // mul, min, max, dot
  [0xbc, 0xbf, "none", -1], // extmul
  [0xc0, 0xc1, "none", 0], // i64x2: abs, neg
  [0xc3, 0xc4, "none", 0], // all_true, bitmask
  [0xc7, 0xca, "none", 0], // extend
  [0xcb, 0xce, "none", -1], // shifts, add
  [0xd1, 0xd1, "none", -1], // sub
  [0xd5, 0xdf, "none", -1], // mul, comparisons, extmul
  [0xe0, 0xe1, "none", 0], // f32x4: abs, neg
  [0xe3, 0xe3, "none", 0], // sqrt
  [0xe4, 0xeb, "none", -1], // add … pmax
  [0xec, 0xed, "none", 0], // f64x2: abs, neg
  [0xef, 0xef, "none", 0], // sqrt
  [0xf0, 0xf7, "none", -1], // add … pmax
  [0xf8, 0xff, "none", 0], // conversions
]);
