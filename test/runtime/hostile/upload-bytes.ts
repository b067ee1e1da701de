/** Bytes that are no component, or none that ends where it says. */
import { gzipSync } from "node:zlib";
import { EMPTY_SUCCESS, watComponent } from "../support/wat-component.ts";
import { component, componentOfModule, joined, leb, nameBytes, section, text, vector } from "./binary.ts";
import { type HostileClass, upload } from "./hostile-case.ts";

const good = await watComponent({ handle: EMPTY_SUCCESS });

export const NOT_A_COMPONENT: HostileClass = {
  name: "not a component",
  tries: "is something else than a binary component",
  wall: "preamble, read by our own bounded reader",
  cases: [
    upload("no bytes", "structure", "TSK_COMPONENT_NOT_A_COMPONENT", () => new Uint8Array(0)),
    upload("half a preamble", "structure", "TSK_COMPONENT_NOT_A_COMPONENT", () => good.slice(0, 4)),
    upload("text form", "structure", "TSK_COMPONENT_NOT_A_COMPONENT", () => joined(Buffer.from("(component)"))),
    upload("a core module", "structure", "TSK_COMPONENT_NOT_A_COMPONENT", () => text("(module)")),
    upload("another layer's version", "structure", "TSK_COMPONENT_NOT_A_COMPONENT", () => {
      const bytes = good.slice();
      bytes[4] = 0x0e;
      return bytes;
    }),
    upload("an ELF program", "structure", "TSK_COMPONENT_NOT_A_COMPONENT", () =>
      joined([0x7f, 0x45, 0x4c, 0x46, 2, 1]),
    ),
    upload("JavaScript", "structure", "TSK_COMPONENT_NOT_A_COMPONENT", () =>
      joined(Buffer.from("process.exit(9);".repeat(1_000))),
    ),
  ],
};

export const BROKEN_STRUCTURE: HostileClass = {
  name: "broken structure",
  tries: "is truncated, has over-long numbers, or declares sizes beyond its bytes",
  wall: "bounded reader: every read and every count is held against the bytes that are left",
  cases: [
    upload("half a component", "structure", "TSK_COMPONENT_MALFORMED", () => good.slice(0, good.length / 2)),
    upload("all but its last byte", "structure", "TSK_COMPONENT_MALFORMED", () => good.slice(0, -1)),
    upload("a section beyond the bytes", "structure", "TSK_COMPONENT_MALFORMED", () => component([1, 0xff, 0xff, 3])),
    upload("a section of 4 GB", "structure", "TSK_COMPONENT_MALFORMED", () => component([1, ...leb(0xffff_ffff)])),
    upload("a number of six bytes", "structure", "TSK_COMPONENT_MALFORMED", () =>
      component([1, 0x80, 0x80, 0x80, 0x80, 0x80, 0]),
    ),
    upload("a number of more than 32 bits", "structure", "TSK_COMPONENT_MALFORMED", () =>
      component([1, 0xff, 0xff, 0xff, 0xff, 0x7f]),
    ),
    upload("four billion types", "structure", "TSK_COMPONENT_MALFORMED", () => component(section(7, leb(0xffff_ffff)))),
    upload("a name longer than its section", "structure", "TSK_COMPONENT_MALFORMED", () =>
      component(section(10, joined([1, 0], leb(1_000), [0x61]))),
    ),
    upload("a name that is not UTF-8", "structure", "TSK_COMPONENT_MALFORMED", () =>
      component(section(10, [1, 0, 2, 0xc3, 0x28, 1, 0])),
    ),
    upload("bytes behind the last entry", "structure", "TSK_COMPONENT_MALFORMED", () =>
      component(section(7, [0, 0x7f])),
    ),
    upload("an unknown section", "structure", "TSK_COMPONENT_MALFORMED", () => component([99, 0])),
    upload("an index out of range", "structure", "TSK_COMPONENT_MALFORMED", () =>
      component(section(2, [1, 0, ...leb(4_000_000), 0])),
    ),
    upload("a core module that is cut off", "structure", "TSK_COMPONENT_MALFORMED", () =>
      component(section(1, [0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 1, 0x7f])),
    ),
    upload("a core module with four billion imports", "structure", "TSK_COMPONENT_MALFORMED", () =>
      componentOfModule(section(2, leb(0xffff_ffff))),
    ),
    upload("an import of an unknown sort", "structure", "TSK_COMPONENT_MALFORMED", () =>
      componentOfModule(vector(2, 1, nameBytes("m"), nameBytes("n"), [9, 0])),
    ),
    upload("a nested component without preamble", "structure", "TSK_COMPONENT_MALFORMED", () =>
      component(section(4, [1, 2, 3, 4, 5, 6, 7, 8])),
    ),
  ],
};

export const COMPRESSED: HostileClass = {
  name: "compressed uploads",
  tries: "hides its size behind a compression",
  wall: "nothing is ever decompressed: compressed bytes are no component",
  cases: [
    upload("a good component, gzipped", "structure", "TSK_COMPONENT_NOT_A_COMPONENT", () => joined(gzipSync(good))),
    upload("a gigabyte-like bomb of zeroes", "structure", "TSK_COMPONENT_NOT_A_COMPONENT", () =>
      joined(gzipSync(Buffer.alloc(16_777_216))),
    ),
    upload("a bomb in a bomb", "structure", "TSK_COMPONENT_NOT_A_COMPONENT", () =>
      joined(gzipSync(gzipSync(Buffer.alloc(4_194_304)))),
    ),
    upload("a zip archive", "structure", "TSK_COMPONENT_NOT_A_COMPONENT", () =>
      joined([0x50, 0x4b, 3, 4], Buffer.alloc(100)),
    ),
    upload("zstd", "structure", "TSK_COMPONENT_NOT_A_COMPONENT", () => joined([0x28, 0xb5, 0x2f, 0xfd], good)),
    upload("a custom section full of a bomb", "prepare", "TSK_COMPONENT_EXPORT_MISMATCH", () =>
      component(section(0, joined(nameBytes("payload"), gzipSync(Buffer.alloc(4_194_304))))),
    ),
  ],
};
