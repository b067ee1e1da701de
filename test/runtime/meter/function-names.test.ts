import { describe, expect, it } from "vitest";
import { ByteReader } from "../../../src/runtime/component/byte-reader.ts";
import { meterModule } from "../../../src/runtime/prepare/meter/index.ts";
import { joined, leb, nameBytes, nameSection, section } from "../hostile/binary.ts";
import { wasm } from "./wasm-text.ts";

type Named = readonly (readonly [index: number, name: Uint8Array])[];

/** Function 0 traps, function 1 calls it. */
const MODULE = `(module (func unreachable) (func (export "f") call 0))`;

const NAME = nameBytes("name");

function name(length: number): Uint8Array {
  return new Uint8Array(length).fill(0x61);
}

/** The name section of the module, metered; undefined where it has none. */
async function metered(custom: Uint8Array): Promise<Uint8Array | undefined> {
  const { bytes } = meterModule(joined(await wasm(MODULE), custom));
  expect(WebAssembly.validate(bytes)).toBe(true);
  return nameSectionIn(bytes, 8);
}

/** The content of the first name section from `at` on. */
function nameSectionIn(bytes: Uint8Array, at: number): Uint8Array | undefined {
  const reader = new ByteReader(bytes, at);
  while (!reader.done) {
    const id = reader.byte();
    const content = reader.part(reader.u32());
    const custom = bytes.subarray(content.at, content.end);
    if (id === 0 && custom.subarray(0, NAME.length).every((byte, at) => byte === NAME[at]))
      return Uint8Array.from(custom);
  }
  return undefined;
}

function contentOf(names: Named): Uint8Array | undefined {
  return names.length === 0 ? undefined : nameSectionIn(nameSection(names), 0);
}

describe("the function names of a metered module", () => {
  it("are those of the module, up to 200 bytes each", async () => {
    const kept: Named = [[0, name(200)]];
    expect(await metered(nameSection(kept))).toEqual(contentOf(kept));
    const longer: Named = [
      [0, name(201)],
      [1, name(5)],
    ];
    expect(await metered(nameSection(longer))).toEqual(contentOf(longer.slice(1)));
    expect(await metered(nameSection([[0, name(10_485_760)]]))).toBeUndefined();
  });

  it("take a megabyte at most", async () => {
    const many: Named = Array.from({ length: 20_000 }, (_, index) => [index, name(190)] as const);
    const names = await metered(nameSection(many));
    expect(names?.length).toBeGreaterThan(1_000_000);
    expect(names?.length).toBeLessThan(1_048_600);
    expect(names?.subarray(-190)).toEqual(name(190));
  });

  it.each<readonly [string, Uint8Array, Named]>([
    ["is empty", section(0, nameBytes("name")), []],
    ["has other subsections only", section(0, joined(nameBytes("name"), section(0, nameBytes("module")))), []],
    ["ends inside a size", section(0, joined(nameBytes("name"), [1, 0x80])), []],
    ["has an over-long size", section(0, joined(nameBytes("name"), [1, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0])), []],
    ["has a subsection beyond its end", section(0, joined(nameBytes("name"), [1, 100, 1, 0, 1, 0x61])), []],
    [
      "counts four billion names",
      section(0, joined(nameBytes("name"), section(1, joined(leb(0xffff_ffff), [0, 1, 0x61])))),
      [[0, name(1)]],
    ],
    [
      "has a name beyond its end behind a good one",
      section(0, joined(nameBytes("name"), section(1, [2, 0, 1, 0x61, 1, 100, 0x61]))),
      [[0, name(1)]],
    ],
  ])("are read as far as they can be where the section %s", async (_, custom, kept) => {
    expect(await metered(custom)).toEqual(contentOf(kept));
  });
});
