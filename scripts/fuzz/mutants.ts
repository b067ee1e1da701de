/** Damaged components for the gate: most of them still look like components, so that they get past its first checks. */

/** A small seeded generator (mulberry32): the same seed gives the same mutants on every machine. */
export function randomOf(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

type Random = (below: number) => number;
type Bytes = Uint8Array<ArrayBuffer>;

export const MUTATIONS = ["flip", "truncate", "splice", "section"] as const;
export type Mutation = (typeof MUTATIONS)[number];

export interface Mutant {
  readonly mutation: Mutation;
  readonly bytes: Bytes;
}

/** One damaged copy of one of the good components. Edits inside sections are the most frequent: they get furthest. */
export function mutantOf(good: readonly Bytes[], random: Random): Mutant {
  const source = good[random(good.length)] ?? new Uint8Array();
  const choice = random(10);
  if (choice === 0) return { mutation: "truncate", bytes: source.slice(0, random(source.length)) };
  if (choice === 1) return { mutation: "splice", bytes: splice(source, good[random(good.length)] ?? source, random) };
  if (choice < 4) return { mutation: "flip", bytes: flip(source, random) };
  return { mutation: "section", bytes: editSection(source, random) };
}

function flip(source: Bytes, random: Random): Bytes {
  const bytes = source.slice();
  for (let edits = 1 + random(4); edits > 0; edits -= 1) {
    const at = random(bytes.length);
    bytes[at] = (bytes[at] ?? 0) ^ (1 << random(8));
  }
  return bytes;
}

function splice(front: Bytes, back: Bytes, random: Random): Bytes {
  const head = front.subarray(0, random(front.length));
  const tail = back.subarray(random(back.length));
  const bytes = new Uint8Array(head.length + tail.length);
  bytes.set(head);
  bytes.set(tail, head.length);
  return bytes;
}

/** Changes a byte inside a section, of the component or of a core module in it, and leaves every length as it was. */
function editSection(source: Bytes, random: Random): Bytes {
  const bytes = source.slice();
  let section = pick(sectionsOf(bytes, 8, bytes.length), random);
  // Section 1 of a component is a core module with sections of its own.
  if (section?.id === 1 && random(4) > 0) section = pick(sectionsOf(bytes, section.start + 8, section.end), random);
  if (section === undefined || section.start === section.end) return flip(source, random);
  const at = section.start + random(section.end - section.start);
  const before = bytes[at] ?? 0;
  // Small steps turn indices, opcodes and types into their neighbours.
  bytes[at] = random(2) === 0 ? before + 1 - 2 * random(2) : random(256);
  return bytes;
}

interface Section {
  readonly id: number;
  readonly start: number;
  readonly end: number;
}

/** The sections between two offsets, as their headers say; stops where a header makes no sense. */
function sectionsOf(bytes: Bytes, from: number, to: number): readonly Section[] {
  const sections: Section[] = [];
  for (let at = from; at < to;) {
    const id = bytes[at] ?? 0;
    let size = 0;
    let shift = 0;
    at += 1;
    for (;;) {
      const byte = bytes[at] ?? 0;
      size += (byte & 0x7f) * 2 ** shift;
      shift += 7;
      at += 1;
      if (byte < 0x80 || shift > 28) break;
    }
    if (at + size > to) break;
    sections.push({ id, start: at, end: at + size });
    at += size;
  }
  return sections;
}

function pick<T>(values: readonly T[], random: Random): T | undefined {
  return values.length === 0 ? undefined : values[random(values.length)];
}
