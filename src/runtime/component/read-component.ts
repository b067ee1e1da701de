/**
 * Reads a component's binary form into definitions: bounded in time, memory and depth, for bytes of any origin.
 *
 * This is the one reader of component bytes that the runtime trusts. Features that the runtime does not run
 * (values, async, own resources, core types, component types, GC options) are refused by name.
 */
import { ByteReader } from "./byte-reader.ts";
import type {
  AliasDefinition,
  CanonicalOptions,
  ComponentDefinition,
  CoreSort,
  Definition,
  ExternDefinition,
  InstanceDeclaration,
  NamedSort,
  Sort,
  TypeDefinition,
  TypeReference,
} from "./definition.ts";
import { GATE_LIMITS } from "./gate-limits.ts";
import { refuse } from "./refuse.ts";
import type { PrimitiveType } from "./value-type.ts";

const PREAMBLE = [0x00, 0x61, 0x73, 0x6d, 0x0d, 0x00, 0x01, 0x00];
const PREAMBLE_BYTES = 8;

/** The definitions of a component, nested ones included. Refuses with a `TSK_COMPONENT_` code. */
export function readComponent(bytes: Uint8Array): ComponentDefinition {
  if (!hasPreamble(bytes, 0)) {
    const start = Array.from(bytes.subarray(0, PREAMBLE_BYTES), (byte) => byte.toString(16).padStart(2, "0")).join(" ");
    refuse(
      "TSK_COMPONENT_NOT_A_COMPONENT",
      bytes.length === 0 ? "no bytes at all" : `the bytes "${start}" at the start`,
      `"${PREAMBLE.map((byte) => byte.toString(16).padStart(2, "0")).join(" ")}", a binary component`,
    );
  }
  const seen: Counts = { components: 1, modules: 0 };
  return readSections(new ByteReader(bytes, PREAMBLE_BYTES), seen, 1);
}

function hasPreamble(bytes: Uint8Array, at: number): boolean {
  return PREAMBLE.every((byte, index) => bytes[at + index] === byte);
}

interface Counts {
  components: number;
  modules: number;
}

function readSections(reader: ByteReader, seen: Counts, depth: number): ComponentDefinition {
  const definitions: Definition[] = [];
  let sections = 0;
  while (!reader.done) {
    sections += 1;
    if (sections > GATE_LIMITS.maxSections) {
      refuse("TSK_COMPONENT_TOO_LARGE", "too many sections", `at most ${GATE_LIMITS.maxSections}`);
    }
    const id = reader.byte();
    const section = reader.part(reader.u32());
    if (id === 0) {
      section.text(GATE_LIMITS.maxNameBytes);
      continue;
    }
    if (id === 1) definitions.push(readCoreModule(section, seen));
    else if (id === 4) definitions.push(readNested(section, seen, depth));
    else readVector(section, id, definitions);
    if (!section.done) section.malformed("bytes behind the last entry of a section");
    if (definitions.length > GATE_LIMITS.maxEntries) {
      refuse("TSK_COMPONENT_TOO_LARGE", "too many definitions", `at most ${GATE_LIMITS.maxEntries}`);
    }
  }
  return { definitions };
}

function readCoreModule(section: ByteReader, seen: Counts): Definition {
  seen.modules += 1;
  if (seen.modules > GATE_LIMITS.maxModules) {
    refuse("TSK_COMPONENT_TOO_LARGE", `more than ${GATE_LIMITS.maxModules} core modules`);
  }
  const start = section.at;
  section.at = section.end;
  return { kind: "core-module", start, end: section.end };
}

function readNested(section: ByteReader, seen: Counts, depth: number): Definition {
  seen.components += 1;
  if (depth >= GATE_LIMITS.maxNesting) {
    refuse("TSK_COMPONENT_TOO_LARGE", `components nested more than ${GATE_LIMITS.maxNesting} deep`);
  }
  if (seen.components > GATE_LIMITS.maxComponents) {
    refuse("TSK_COMPONENT_TOO_LARGE", `more than ${GATE_LIMITS.maxComponents} components`);
  }
  if (!hasPreamble(section.bytes, section.at)) section.malformed("a nested component without preamble");
  section.skip(PREAMBLE_BYTES);
  const component = readSections(section, seen, depth + 1);
  return { kind: "component", component };
}

const SECTION_READERS: Readonly<Record<number, (reader: ByteReader) => Definition>> = {
  2: readCoreInstance,
  5: readInstance,
  6: readAlias,
  7: (reader) => ({ kind: "type", type: readType(reader, 1) }),
  8: readCanonical,
  10: readImport,
  11: readExport,
};
const REFUSED_SECTIONS: Readonly<Record<number, string>> = { 3: "core types", 9: "a start function", 12: "values" };

function readVector(section: ByteReader, id: number, into: Definition[]): void {
  const read = SECTION_READERS[id];
  if (read === undefined) {
    const refused = REFUSED_SECTIONS[id];
    if (refused !== undefined) refuse("TSK_COMPONENT_UNSUPPORTED", `${refused} at the level of the component`);
    section.malformed(`a section with the unknown id ${id}`);
  }
  const count = section.count("entries of a section", GATE_LIMITS.maxEntries);
  for (let index = 0; index < count; index += 1) into.push(read(section));
}

function readName(reader: ByteReader): string {
  return reader.text(GATE_LIMITS.maxNameBytes);
}

/** `importname` and `exportname`: a marker that means nothing any more, then the name. */
function readExternName(reader: ByteReader): string {
  const marker = reader.byte();
  if (marker > 1) refuse("TSK_COMPONENT_UNSUPPORTED", "an import or export name with a version suffix of its own");
  return readName(reader);
}

function readEntries<T>(reader: ByteReader, what: string, max: number, read: (reader: ByteReader) => T): T[] {
  const count = reader.count(what, max);
  const entries: T[] = [];
  for (let index = 0; index < count; index += 1) entries.push(read(reader));
  return entries;
}

const CORE_SORTS: Readonly<Record<number, CoreSort>> = { 0: "func", 1: "table", 2: "memory", 3: "global", 4: "tag" };
const SORTS: Readonly<Record<number, Sort>> = { 1: "func", 3: "type", 4: "component", 5: "instance" };
const CORE_MODULE_SORT = 0x11;

function readCoreSort(reader: ByteReader): CoreSort {
  const byte = reader.byte();
  return CORE_SORTS[byte] ?? refuse("TSK_COMPONENT_UNSUPPORTED", `a core item of sort ${byte}`);
}

function readSort(reader: ByteReader): Sort {
  const byte = reader.byte();
  if (byte === 0) {
    if (reader.byte() !== CORE_MODULE_SORT)
      refuse("TSK_COMPONENT_UNSUPPORTED", "a core item passed between components");
    return "core-module";
  }
  return SORTS[byte] ?? refuse("TSK_COMPONENT_UNSUPPORTED", `an item of sort ${byte}`);
}

function readCoreInstance(reader: ByteReader): Definition {
  const form = reader.byte();
  if (form === 0) {
    const module = reader.u32();
    const args = readEntries(reader, "module arguments", GATE_LIMITS.maxEntries, (at) => {
      const name = readName(at);
      if (at.byte() !== 0x12) at.malformed("a module argument that is no instance");
      return { name, instance: at.u32() };
    });
    return { kind: "core-instantiate", module, args };
  }
  if (form !== 1) reader.malformed(`a core instance of the unknown form ${form}`);
  const exports = readEntries(reader, "core exports", GATE_LIMITS.maxEntries, (at) => ({
    name: readName(at),
    sort: readCoreSort(at),
    index: at.u32(),
  }));
  return { kind: "core-exports", exports };
}

function readInstance(reader: ByteReader): Definition {
  const form = reader.byte();
  if (form === 0) {
    const component = reader.u32();
    const args = readEntries(reader, "component arguments", GATE_LIMITS.maxEntries, (at) =>
      readNamedSort(at, readName(at)),
    );
    return { kind: "instantiate", component, args };
  }
  if (form !== 1) reader.malformed(`an instance of the unknown form ${form}`);
  const exports = readEntries(reader, "exports", GATE_LIMITS.maxEntries, (at) => readNamedSort(at, readExternName(at)));
  return { kind: "exports", exports };
}

function readNamedSort(reader: ByteReader, name: string): NamedSort {
  return { name, sort: readSort(reader), index: reader.u32() };
}

/** The sort stands before the kind of alias, and a core sort takes two bytes: both must be read before either is judged. */
function readAlias(reader: ByteReader): Definition {
  const sortByte = reader.byte();
  const coreByte = sortByte === 0 ? reader.byte() : undefined;
  const target = reader.byte();
  if (target === 1) {
    const sort = coreByte === undefined ? undefined : CORE_SORTS[coreByte];
    if (sort === undefined) reader.malformed("an alias of a core export of an unknown sort");
    return { kind: "alias-core-export", sort, instance: reader.u32(), name: readName(reader) };
  }
  const sort = coreByte === CORE_MODULE_SORT ? "core-module" : SORTS[sortByte];
  if (sort === undefined || (coreByte !== undefined && coreByte !== CORE_MODULE_SORT)) {
    refuse("TSK_COMPONENT_UNSUPPORTED", `an alias of an item of sort ${sortByte}`);
  }
  if (target === 0) return { kind: "alias-export", sort, instance: reader.u32(), name: readName(reader) };
  if (target === 2) return { kind: "alias-outer", sort, count: reader.u32(), index: reader.u32() };
  return reader.malformed(`an alias of the unknown form ${target}`);
}

function readCanonical(reader: ByteReader): Definition {
  const form = reader.byte();
  if (form === 0 || form === 1) {
    if (reader.byte() !== 0) reader.malformed("a canonical function of an unknown form");
    const func = reader.u32();
    const options = readOptions(reader);
    return form === 0 ? { kind: "lift", func, options, type: reader.u32() } : { kind: "lower", func, options };
  }
  if (form === 3) return { kind: "resource-drop", type: reader.u32() };
  if (form === 2 || form === 4) refuse("TSK_COMPONENT_UNSUPPORTED", "a resource type of the component's own");
  return refuse("TSK_COMPONENT_UNSUPPORTED", `the canonical built-in 0x${form.toString(16)} (async and threads)`);
}

function readOptions(reader: ByteReader): CanonicalOptions {
  const count = reader.count("canonical options", 16);
  let encoding: CanonicalOptions["encoding"] = "utf8";
  let memory: number | undefined;
  let realloc: number | undefined;
  let postReturn: number | undefined;
  for (let index = 0; index < count; index += 1) {
    const option = reader.byte();
    if (option === 0) encoding = "utf8";
    else if (option === 1) encoding = "utf16";
    else if (option === 2) refuse("TSK_COMPONENT_UNSUPPORTED", "the string encoding latin1+utf16", "utf8 or utf16");
    else if (option === 3) memory = reader.u32();
    else if (option === 4) realloc = reader.u32();
    else if (option === 5) postReturn = reader.u32();
    else refuse("TSK_COMPONENT_UNSUPPORTED", `the canonical option 0x${option.toString(16)} (async, callback or GC)`);
  }
  return { encoding, memory, realloc, postReturn };
}

function readExtern(reader: ByteReader): ExternDefinition {
  const sort = reader.byte();
  if (sort === 1) return { kind: "func", type: reader.u32() };
  if (sort === 5) return { kind: "instance", type: reader.u32() };
  if (sort === 3) {
    const bound = reader.byte();
    if (bound === 0) return { kind: "type-equal", type: reader.u32() };
    if (bound === 1) return { kind: "resource" };
    reader.malformed(`a type bound of the unknown form ${bound}`);
  }
  return refuse("TSK_COMPONENT_UNSUPPORTED", `an import or export of sort ${sort}`, "functions, types and instances");
}

export function readImport(reader: ByteReader): Extract<Definition, { kind: "import" }> {
  return { kind: "import", name: readExternName(reader), extern: readExtern(reader) };
}

export function readExport(reader: ByteReader): Extract<Definition, { kind: "export" }> {
  const name = readExternName(reader);
  const named = readNamedSort(reader, name);
  const ascribed = reader.byte();
  if (ascribed === 1) readExtern(reader);
  else if (ascribed !== 0) reader.malformed("an export with an ascription of an unknown form");
  return { kind: "export", ...named };
}

const PRIMITIVES: Readonly<Record<number, PrimitiveType>> = {
  0x7f: "bool",
  0x7e: "s8",
  0x7d: "u8",
  0x7c: "s16",
  0x7b: "u16",
  0x7a: "s32",
  0x79: "u32",
  0x78: "s64",
  0x77: "u64",
  0x76: "f32",
  0x75: "f64",
  0x74: "char",
  0x73: "string",
};

function readTypeReference(reader: ByteReader): TypeReference {
  const next = reader.peek();
  if (next !== undefined && next >= 0x40 && next < 0x80) {
    reader.at += 1;
    return PRIMITIVES[next] ?? refuse("TSK_COMPONENT_UNSUPPORTED", `the value type 0x${next.toString(16)}`);
  }
  const index = reader.s33();
  if (index < 0) reader.malformed("a negative type index");
  return index;
}

function readOptional<T>(reader: ByteReader, read: (reader: ByteReader) => T): T | undefined {
  const marker = reader.byte();
  if (marker === 0) return undefined;
  if (marker !== 1) reader.malformed("an optional part that is neither there nor absent");
  return read(reader);
}

function readLabelled(reader: ByteReader): readonly [string, TypeReference] {
  return [readName(reader), readTypeReference(reader)];
}

const REFUSED_TYPES: Readonly<Record<number, string>> = {
  0x3e: "a resource type with an asynchronous destructor",
  0x3f: "a resource type of the component's own",
  0x41: "a component type",
  0x43: "an asynchronous function type",
  0x64: "the type error-context",
  0x65: "a future",
  0x66: "a stream",
  0x67: "a list of fixed length",
  0x63: "a map",
};

function readType(reader: ByteReader, depth: number): TypeDefinition {
  const form = reader.byte();
  const primitive = PRIMITIVES[form];
  if (primitive !== undefined) return { kind: "primitive", primitive };
  const members = GATE_LIMITS.maxTypeMembers;
  switch (form) {
    case 0x72:
      return { kind: "record", fields: readEntries(reader, "fields", members, readLabelled) };
    case 0x71:
      return { kind: "variant", cases: readEntries(reader, "cases", members, readCase) };
    case 0x70:
      return { kind: "list", element: readTypeReference(reader) };
    case 0x6f:
      return { kind: "tuple", items: readEntries(reader, "tuple members", members, readTypeReference) };
    case 0x6e:
      return { kind: "flags", labels: readEntries(reader, "flags", 32, readName) };
    case 0x6d:
      return { kind: "enum", labels: readEntries(reader, "enum labels", members, readName) };
    case 0x6b:
      return { kind: "option", some: readTypeReference(reader) };
    case 0x6a:
      return {
        kind: "result",
        ok: readOptional(reader, readTypeReference),
        error: readOptional(reader, readTypeReference),
      };
    case 0x69:
      return { kind: "own", resource: reader.u32() };
    case 0x68:
      return { kind: "borrow", resource: reader.u32() };
    case 0x40:
      return readFunctionType(reader);
    case 0x42:
      return readInstanceType(reader, depth);
    default: {
      const refused = REFUSED_TYPES[form];
      if (refused !== undefined) refuse("TSK_COMPONENT_UNSUPPORTED", refused);
      return reader.malformed(`a type of the unknown form 0x${form.toString(16)}`);
    }
  }
}

function readCase(reader: ByteReader): readonly [string, TypeReference | undefined] {
  const label = readName(reader);
  const type = readOptional(reader, readTypeReference);
  if (reader.byte() !== 0) refuse("TSK_COMPONENT_UNSUPPORTED", "a variant case that refines another");
  return [label, type];
}

function readFunctionType(reader: ByteReader): TypeDefinition {
  const params = readEntries(reader, "parameters", GATE_LIMITS.maxTypeMembers, readLabelled);
  const form = reader.byte();
  if (form === 0) return { kind: "func", params, result: readTypeReference(reader) };
  if (form !== 1 || reader.byte() !== 0) refuse("TSK_COMPONENT_UNSUPPORTED", "a function with named results");
  return { kind: "func", params, result: undefined };
}

function readInstanceType(reader: ByteReader, depth: number): TypeDefinition {
  if (depth > GATE_LIMITS.maxNesting) {
    refuse("TSK_COMPONENT_TOO_LARGE", `instance types nested more than ${GATE_LIMITS.maxNesting} deep`);
  }
  const declarations = readEntries(reader, "declarations", GATE_LIMITS.maxEntries, (at): InstanceDeclaration => {
    const form = at.byte();
    if (form === 1) return { kind: "type", type: readType(at, depth + 1) };
    if (form === 2) return readTypeAlias(at);
    if (form === 4) return { kind: "export", name: readExternName(at), extern: readExtern(at) };
    return refuse("TSK_COMPONENT_UNSUPPORTED", `a declaration of form ${form} in an instance type`);
  });
  return { kind: "instance", declarations };
}

function readTypeAlias(reader: ByteReader): AliasDefinition {
  const alias = readAlias(reader);
  if (alias.kind !== "alias-export" && alias.kind !== "alias-outer") {
    return reader.malformed("an alias of a core item in an instance type");
  }
  return alias;
}
