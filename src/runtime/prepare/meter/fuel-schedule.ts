/** What each thing that a guest does costs, in units of fuel. Another price is another `id`. */
export interface FuelSchedule {
  /** Stored with each artifact and each result. */
  readonly id: string;
  /** Any instruction that no other line names. */
  readonly instruction: number;
  /** Instructions that only give code its shape: unreachable, nop, block, loop, else, end, drop, return, try, catch, catch_all, delegate, try_table. */
  readonly structural: number;
  /** Entry of a function, besides the call that led there. */
  readonly functionEntry: number;
  /** A call that leaves the module, on top of the call instruction; whether another module or the host answers. */
  readonly importCall: number;
  /** throw, rethrow, throw_ref. */
  readonly throw: number;
  /** For each unit of call depth that an exception leaves on its way to its handler, on top: V8 takes about 40 ns a frame. */
  readonly unwindDepthUnit: number;
  /** memory.fill, memory.copy, memory.init: one unit for each whole group of this many bytes, on top. A power of two. */
  readonly bulkBytesPerUnit: number;
  /** table.fill, table.copy, table.init: for each entry, on top. V8 takes 10 to 30 ns for one. */
  readonly bulkTableEntry: number;
  /** memory.grow, table.grow: each, however little is asked for, on top: V8 tells all instances that share it. */
  readonly growth: number;
  /** memory.grow: for each page asked for, granted or not, on top. */
  readonly memoryGrowPage: number;
  /** table.grow: for each entry asked for, granted or not, on top. */
  readonly tableGrowEntry: number;
  /** Each core module that is instantiated. */
  readonly moduleInstance: number;
  /** Each import, export, table and tag of an instantiated module. */
  readonly instanceItem: number;
  /** Each function, type, element segment and data segment that an instantiated module defines. V8 takes 15 to 60 ns for one. */
  readonly instancePart: number;
  /** Each operator of a constant expression, its end included. */
  readonly constantOperator: number;
  /** Each call of a host function, whatever it does. */
  readonly hostCall: number;
  /** Each byte that the host moves in or out for a call, and each that it makes: texts, lists, random bytes. */
  readonly hostByte: number;
  /** Each value that crosses for a call: a parameter, a result, and whatever is inside one. The host makes each of them. */
  readonly hostValue: number;
  /** Each line that a write to a standard stream ends: an entry of the log. */
  readonly logLine: number;
}

export const FUEL_SCHEDULE: FuelSchedule = {
  id: "fuel-3",
  instruction: 1,
  structural: 0,
  functionEntry: 1,
  importCall: 10,
  throw: 500,
  unwindDepthUnit: 128,
  bulkBytesPerUnit: 8,
  bulkTableEntry: 32,
  growth: 256,
  memoryGrowPage: 1024,
  tableGrowEntry: 32,
  moduleInstance: 1000,
  instanceItem: 256,
  instancePart: 8,
  constantOperator: 8,
  hostCall: 1000,
  hostByte: 1,
  hostValue: 8,
  logLine: 256,
};
