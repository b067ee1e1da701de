import { ByteReader } from "../../component/byte-reader.ts";
import { IMMEDIATE } from "./opcodes.ts";
import { skipHeapType, skipValueType } from "./value-type.ts";

/** Reads the instructions of one function body. */
export class BodyCursor extends ByteReader {
  /** What `blockType` answers for a block without parameters and results … */
  static readonly emptyBlock = -2;
  /** … and for one with a single result. */
  static readonly oneResult = -1;

  /** Most numbers in code take one byte. */
  override u32(): number {
    const byte = this.bytes[this.at] ?? 0x80;
    if (byte >= 0x80 || this.at >= this.end) return super.u32();
    this.at += 1;
    return byte;
  }

  /** Passes over the immediates of an instruction. */
  skipImmediates(immediate: number): void {
    switch (immediate) {
      case IMMEDIATE.number:
        this.skipLeb(10);
        return;
      case IMMEDIATE.memory:
        this.#memoryArgument();
        return;
      case IMMEDIATE.memoryLane:
        this.#memoryArgument();
        this.skip(1);
        return;
      case IMMEDIATE.fourBytes:
        this.skip(4);
        return;
      case IMMEDIATE.eightBytes:
        this.skip(8);
        return;
      case IMMEDIATE.sixteenBytes:
        this.skip(16);
        return;
      case IMMEDIATE.lane:
        this.skip(1);
        return;
      default:
    }
  }

  /** True if it is v128. */
  valueType(): boolean {
    return skipValueType(this);
  }

  heapType(): void {
    skipHeapType(this);
  }

  /** A type index, or one of `emptyBlock` and `oneResult`. */
  blockType(): number {
    const first = this.peek() ?? 0;
    if (first === 0x40) {
      this.at += 1;
      return BodyCursor.emptyBlock;
    }
    // Value types have bit 6 set, type indices are not negative.
    if (first >= 0x40 && first < 0x80) {
      skipValueType(this);
      return BodyCursor.oneResult;
    }
    return this.s33();
  }

  #memoryArgument(): void {
    const alignment = this.u32();
    if ((alignment & 0x40) !== 0) this.u32();
    this.skipLeb(10);
  }
}
