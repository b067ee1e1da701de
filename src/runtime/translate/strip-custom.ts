import { ByteReader } from "../component/byte-reader.ts";
import { withoutCustomSections } from "../component/read-module.ts";

const PREAMBLE_BYTES = 8;

/**
 * The component without any custom section, at every level. Their contents (names, producers) were checked by nobody,
 * and foreign code need not see them. Call on bytes that `checkBytes` has passed.
 */
export function stripCustomSections(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(stripped(new ByteReader(bytes)));
}

function stripped(reader: ByteReader): Buffer<ArrayBuffer> {
  const parts: Uint8Array[] = [reader.bytes.subarray(reader.at, reader.at + PREAMBLE_BYTES)];
  reader.skip(PREAMBLE_BYTES);
  while (!reader.done) {
    const id = reader.byte();
    const section = reader.part(reader.u32());
    if (id === 0) continue;
    const body = stripSection(id, section);
    parts.push(Uint8Array.of(id), leb(body.length), body);
  }
  return Buffer.concat(parts);
}

function stripSection(id: number, section: ByteReader): Uint8Array {
  const body = section.bytes.subarray(section.at, section.end);
  if (id === 1) return withoutCustomSections(body);
  return id === 4 ? stripped(section) : body;
}

function leb(value: number): Uint8Array {
  const bytes: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return Uint8Array.from([...bytes, rest]);
    bytes.push((rest % 128) + 128);
  }
}
