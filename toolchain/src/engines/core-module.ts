/** Reads and writes the outer structure of WebAssembly modules: sections, imports and exports, not code. */

export const PREAMBLE: Uint8Array = Uint8Array.of(0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00);
export const IMPORT_SECTION = 2;
const EXPORT_SECTION = 7;
const CODE_SECTION = 10;

export interface Section {
  readonly id: number;
  readonly body: Buffer;
}

export interface ImportEntry {
  readonly module: string;
  readonly name: string;
  /** What follows the two names: kind and type, as they stand. */
  readonly type: Buffer;
}

interface ExportEntry {
  readonly name: string;
  /** Kind and index, as they stand. */
  readonly target: Buffer;
}

/** The module's sections in their order. The module is taken to be whole: validation is the engine's. */
export function readSections(module: Uint8Array): Section[] {
  const bytes = Buffer.from(module.buffer, module.byteOffset, module.length);
  const sections: Section[] = [];
  for (let at = PREAMBLE.length; at < bytes.length;) {
    const [size, start] = readUnsigned(bytes, at + 1);
    sections.push({ id: bytes[at] ?? 0, body: bytes.subarray(start, start + size) });
    at = start + size;
  }
  return sections;
}

export function writeSections(sections: readonly Section[]): Buffer {
  const parts = sections.flatMap(({ id, body }) => [Buffer.of(id), unsigned(body.length), body]);
  return Buffer.concat([PREAMBLE, ...parts]);
}

export function readImports(sections: readonly Section[]): ImportEntry[] {
  const body = sections.find(({ id }) => id === IMPORT_SECTION)?.body ?? Buffer.of(0);
  let [count, at] = readUnsigned(body, 0);
  const entries: ImportEntry[] = [];
  for (; count > 0; count -= 1) {
    const [module, afterModule] = readName(body, at);
    const [name, start] = readName(body, afterModule);
    at = endOfImportType(body, start);
    entries.push({ module, name, type: body.subarray(start, at) });
  }
  return entries;
}

/** The body of an import section. */
export function writeImports(entries: readonly ImportEntry[]): Buffer {
  const parts = entries.flatMap((entry) => [nameBytes(entry.module), nameBytes(entry.name), entry.type]);
  return Buffer.concat([unsigned(entries.length), ...parts]);
}

export interface RenamedModule {
  readonly bytes: Uint8Array;
  readonly imports: readonly ImportEntry[];
  /** By how many bytes the code lies further back than before. */
  readonly codeShift: number;
}

/** Gives exports the names that `names` has for them; those it has none for are exported no more. */
export function renameExports(module: Uint8Array, names: Readonly<Record<string, string | undefined>>): RenamedModule {
  const sections = readSections(module);
  const renamed = sections.map(({ id, body }) => {
    if (id !== EXPORT_SECTION) return { id, body };
    const entries = readExports(body).flatMap(({ name, target }) => {
      const newName = names[name];
      return newName === undefined ? [] : [nameBytes(newName), target];
    });
    return { id, body: Buffer.concat([unsigned(entries.length / 2), ...entries]) };
  });
  return {
    bytes: writeSections(renamed),
    imports: readImports(sections),
    codeShift: offsetOf(CODE_SECTION, renamed) - offsetOf(CODE_SECTION, sections),
  };
}

/** The module without its name section, which is for people. */
export function withoutNames(module: Uint8Array): Buffer {
  return writeSections(readSections(module).filter(({ id, body }) => id !== 0 || readName(body, 0)[0] !== "name"));
}

function readExports(body: Buffer): ExportEntry[] {
  let [count, at] = readUnsigned(body, 0);
  const entries: ExportEntry[] = [];
  for (; count > 0; count -= 1) {
    const [name, start] = readName(body, at);
    [, at] = readUnsigned(body, start + 1);
    entries.push({ name, target: body.subarray(start, at) });
  }
  return entries;
}

function offsetOf(id: number, sections: readonly Section[]): number {
  let offset = PREAMBLE.length;
  for (const section of sections) {
    if (section.id === id) return offset;
    offset += 1 + unsigned(section.body.length).length + section.body.length;
  }
  return offset;
}

/** Behind the kind and type at `at`: function, table, memory or global. */
function endOfImportType(body: Buffer, at: number): number {
  const kind = body[at] ?? 0;
  if (kind === 0) return readUnsigned(body, at + 1)[1];
  if (kind === 3) return at + 3;
  const flags = kind === 1 ? at + 2 : at + 1;
  const afterMinimum = readUnsigned(body, flags + 1)[1];
  return ((body[flags] ?? 0) & 1) === 1 ? readUnsigned(body, afterMinimum)[1] : afterMinimum;
}

function nameBytes(text: string): Buffer {
  return Buffer.concat([unsigned(Buffer.byteLength(text)), Buffer.from(text)]);
}

function readName(bytes: Buffer, at: number): [name: string, next: number] {
  const [length, start] = readUnsigned(bytes, at);
  return [bytes.toString("utf8", start, start + length), start + length];
}

/** An unsigned LEB128 number and where it ends. */
export function readUnsigned(bytes: Buffer, at: number): [value: number, next: number] {
  let value = 0;
  for (let shift = 0, next = at; ; shift += 7, next += 1) {
    const byte = bytes[next] ?? 0;
    value += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) return [value, next + 1];
  }
}

function unsigned(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  do {
    bytes.push(rest > 0x7f ? (rest & 0x7f) | 0x80 : rest);
    rest = Math.floor(rest / 128);
  } while (rest > 0);
  return Buffer.from(bytes);
}
