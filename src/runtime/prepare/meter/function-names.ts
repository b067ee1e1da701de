/**
 * The function names of the name section, for backtraces: functions keep their indices. V8 writes a function's name once for
 * each of its frames, whenever it gives an exception a stack text, so long names go; other custom sections go too.
 */
import { isTaskerError } from "../../../core/errors/index.ts";
import type { ByteReader } from "../../component/byte-reader.ts";
import { ByteWriter } from "./byte-writer.ts";

/** UTF-8 bytes. The same as a backtrace gives of a name; StarlingMonkey has longer ones, which C++ made. */
const MAX_NAME_BYTES = 200;
/** Of all entries: V8 reads them all for the first stack text. */
const MAX_NAMES_BYTES = 1_048_576;

/** The custom section's content; empty where there are no names. What is wrong in it goes, as V8 does not mind it either. */
export function functionNames(customSections: readonly ByteReader[]): Uint8Array<ArrayBuffer> {
  const writer = new ByteWriter();
  const section = customSections.find((custom) => isNameSection(custom));
  const entries = new ByteWriter();
  const count = section === undefined ? 0 : copyShortNames(section, entries);
  if (count === 0) return writer.take();
  const names = new ByteWriter(entries.length + LONGEST_NUMBER);
  names.u32(count);
  names.copy(entries.view());
  writer.text("name");
  writer.byte(FUNCTION_NAMES);
  writer.sized(names.view());
  return writer.take();
}

const NAME = [4, 0x6e, 0x61, 0x6d, 0x65];
const FUNCTION_NAMES = 1;
const LONGEST_NUMBER = 5;

/** Moves the reader behind the section's name if it is `name`. */
function isNameSection(section: ByteReader): boolean {
  const { bytes, at, end } = section;
  if (end - at < NAME.length || !NAME.every((byte, index) => bytes[at + index] === byte)) return false;
  section.skip(NAME.length);
  return true;
}

/** Entries as they stand in the section, up to the first that cannot be read; how many they are. */
function copyShortNames(section: ByteReader, entries: ByteWriter): number {
  let count = 0;
  try {
    const names = functionSubsection(section);
    for (let left = names.u32(); left > 0; left -= 1) {
      const start = names.at;
      names.u32();
      const length = names.u32();
      names.skip(length);
      if (length > MAX_NAME_BYTES) continue;
      if (entries.length + names.at - start > MAX_NAMES_BYTES) break;
      entries.copy(names.bytes, start, names.at);
      count += 1;
    }
  } catch (error) {
    if (!isTaskerError(error)) throw error;
  }
  return count;
}

/** @throws TSK_COMPONENT_MALFORMED where there is none. */
function functionSubsection(section: ByteReader): ByteReader {
  for (;;) {
    const kind = section.byte();
    const content = section.part(section.u32());
    if (kind === FUNCTION_NAMES) return content;
  }
}
