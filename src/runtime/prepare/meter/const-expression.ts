import type { ByteReader } from "../../component/byte-reader.ts";
import { refuse } from "../../component/refuse.ts";
import type { ByteWriter } from "./byte-writer.ts";
import type { MeterLimits } from "./metered-module.ts";
import { skipHeapType } from "./value-type.ts";

/** What constant expressions name, by new index. */
export interface IndexMap {
  global(index: number): number;
  /** The function to take a reference of: for imports a thunk of the metered type. */
  reference(functionIndex: number): number;
}

/** Passes over a constant expression and its end. */
export function skipConstExpression(reader: ByteReader, limits: MeterLimits): void {
  let operators = 1;
  while (!skipOperator(reader)) operators = counted(operators, limits);
}

/** Copies a constant expression with its indices mapped. Returns the number of its operators, its end included. */
export function rewriteConstExpression(
  reader: ByteReader,
  writer: ByteWriter,
  map: IndexMap,
  limits: MeterLimits,
): number {
  for (let operators = 1; ; operators = counted(operators, limits)) {
    const start = reader.at;
    const opcode = reader.peek();
    if (opcode === 0x23 || opcode === 0xd2) {
      reader.byte();
      const index = reader.u32();
      writer.byte(opcode);
      writer.u32(opcode === 0x23 ? map.global(index) : map.reference(index));
      continue;
    }
    const ended = skipOperator(reader);
    writer.copy(reader.bytes, start, reader.at);
    if (ended) return operators;
  }
}

/** V8 evaluates every one of them in each instance that is made. */
function counted(operators: number, { maxConstantOperators }: MeterLimits): number {
  if (operators >= maxConstantOperators) {
    refuse("TSK_COMPONENT_TOO_LARGE", "a longer constant expression", `at most ${maxConstantOperators} operators`);
  }
  return operators + 1;
}

/** Passes over one operator; true if it was the end. */
function skipOperator(reader: ByteReader): boolean {
  const opcode = reader.byte();
  switch (opcode) {
    case 0x0b: // end
      return true;
    case 0x23: // global.get
    case 0xd2: // ref.func
    case 0x41: // i32.const
      reader.skipLeb(5);
      return false;
    case 0x42: // i64.const
      reader.skipLeb(10);
      return false;
    case 0x43: // f32.const
      reader.skip(4);
      return false;
    case 0x44: // f64.const
      reader.skip(8);
      return false;
    case 0x6a: // i32.add, sub, mul
    case 0x6b:
    case 0x6c:
    case 0x7c: // i64.add, sub, mul
    case 0x7d:
    case 0x7e:
      return false;
    case 0xd0: // ref.null
      skipHeapType(reader);
      return false;
    case 0xfd:
      if (reader.u32() === 0x0c) {
        reader.skip(16);
        return false;
      }
      break;
    default:
  }
  return refuse("TSK_COMPONENT_UNSUPPORTED", `a constant expression with opcode 0x${opcode.toString(16)}`);
}
