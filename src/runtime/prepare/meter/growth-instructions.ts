/** Growth and bulk work: what one instruction may do without end, charged by its length before it is done. */
import type { BodyState } from "./body-state.ts";
import { type LengthPrice, writeLengthCharge, writeLocal } from "./fuel-code.ts";
import { FUEL_SCHEDULE } from "./fuel-schedule.ts";
import { INSERT } from "./insertions.ts";
import { BULK, OP } from "./instruction.ts";
import { BULK_OPCODES, IMMEDIATE } from "./opcodes.ts";

const BYTES_PRICE: LengthPrice = { units: 1, perUnit: FUEL_SCHEDULE.bulkBytesPerUnit };
const ENTRIES_PRICE: LengthPrice = { units: FUEL_SCHEDULE.bulkTableEntry, perUnit: 1 };
const PAGES_PRICE: LengthPrice = { units: FUEL_SCHEDULE.memoryGrowPage, perUnit: 1 };
const TABLE_GROW_PRICE: LengthPrice = { units: FUEL_SCHEDULE.tableGrowEntry, perUnit: 1 };

export function memoryGrow(body: BodyState): void {
  const memory = body.cursor.u32();
  body.charge(FUEL_SCHEDULE.instruction + FUEL_SCHEDULE.growth);
  chargeLength(body, PAGES_PRICE);
  const code = body.instead();
  code.byte(OP.call);
  code.u32(body.context.added.growMemory(memory));
}

/** Instructions behind 0xfc. */
export function bulk(body: BodyState): void {
  const opcode = body.cursor.u32();
  const immediate = BULK_OPCODES.immediate[opcode] ?? IMMEDIATE.unknown;
  if (immediate === IMMEDIATE.unknown) body.refuseOpcode(`0xfc ${opcode}`);
  body.charge(FUEL_SCHEDULE.instruction);
  if (immediate === IMMEDIATE.special) lengthy(body, opcode);
  else body.cursor.skipImmediates(immediate);
  body.move(BULK_OPCODES.growth[opcode] ?? 0);
}

function lengthy(body: BodyState, opcode: number): void {
  const first = body.cursor.u32();
  switch (opcode) {
    case BULK.memoryFill:
      chargeLength(body, BYTES_PRICE);
      return;
    case BULK.memoryCopy:
    case BULK.memoryInit:
      body.cursor.u32();
      chargeLength(body, BYTES_PRICE);
      return;
    case BULK.tableFill:
      chargeLength(body, ENTRIES_PRICE);
      return;
    case BULK.tableCopy:
    case BULK.tableInit:
      body.cursor.u32();
      chargeLength(body, ENTRIES_PRICE);
      return;
    case BULK.tableGrow: {
      body.charge(FUEL_SCHEDULE.growth);
      chargeLength(body, TABLE_GROW_PRICE);
      const code = body.instead();
      code.byte(OP.call);
      code.u32(body.context.added.growTable(first));
      return;
    }
    default:
      body.refuseOpcode(`0xfc ${opcode}`);
  }
}

/** Charges for the length on top of the stack, before the instruction, and stops the run if that was too much. */
function chargeLength(body: BodyState, price: LengthPrice): void {
  const length = body.indexLocal();
  const code = body.before();
  writeLocal(code, OP.localTee, length);
  writeLengthCharge(code, body.word, length, price);
  body.insert(INSERT.check);
}
