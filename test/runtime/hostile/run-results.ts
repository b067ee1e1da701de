/** Steps that lie in what they hand over: pointers, discriminants, allocations, texts, documents. */
import { EMPTY_SUCCESS, IMPORT_LOG, success, words } from "../support/wat-component.ts";
import { type HostileClass, type StepCase, step } from "./hostile-case.ts";

const INVALID = { kind: "invalid-result" } as const;

/** The members of a success at 2048, one word of it replaced. */
function tampered(at: number, word: string): string {
  return `${EMPTY_SUCCESS} drop (i32.store (i32.const ${2048 + at}) (i32.const ${word})) (i32.const 2048)`;
}

export const POINTERS: HostileClass = {
  name: "pointers",
  tries: "returns pointers out of range",
  wall: "every pointer and length is held against the memory as it is now",
  cases: [
    step("a result beyond the memory", "lift", INVALID, {
      handle: success("(i32.const 0x7fffff00)", "(i32.const 16)"),
    }),
    step("a result that begins inside and ends outside", "lift", INVALID, {
      handle: success("(i32.const 262140)", "(i32.const 16)"),
    }),
    step(
      "a length that wraps around",
      "lift",
      { kind: "output-exceeded" },
      { handle: success("(i32.const 3000)", "(i32.const -1)") },
    ),
    step("an outcome beyond the memory", "lift", INVALID, { handle: "(i32.const 0x7ffffff0)" }),
    step("an outcome at the last byte", "lift", INVALID, { handle: "(i32.const 262136)" }),
    step("metadata beyond the memory", "lift", INVALID, { handle: tampered(16, "0x7ffffff0") }),
    step("attributes beyond the memory", "lift", INVALID, {
      handle: `${tampered(24, "0x7ffffff0")} drop (i32.store (i32.const 2076) (i32.const 1)) (i32.const 2048)`,
    }),
    step("an attribute's name beyond the memory", "lift", INVALID, {
      handle: `${tampered(24, "3000")} drop (i32.store (i32.const 2076) (i32.const 1)) (i32.const 2048)`,
      fields: `(data (i32.const 3000) "${words(0x7fffff00, 8, 3100, 1)}")`,
    }),
    step(
      "a log line beyond the memory",
      "call",
      { kind: "trap", phase: "call" },
      {
        imports: IMPORT_LOG,
        handle: `(call $log (i32.const 2) (i32.const 0x7fffffff) (i32.const 8) (i32.const 0) (i32.const 0)) ${EMPTY_SUCCESS}`,
      },
    ),
    step(
      "a result in memory that has just grown",
      "report",
      { kind: "success", resultJson: "{}" },
      {
        handle: `(drop (memory.grow (i32.const 1))) (i32.store16 (i32.const 262144) (i32.const 0x7d7b)) ${success("(i32.const 262144)", "(i32.const 2)")}`,
      },
    ),
  ],
};

export const DISCRIMINANTS: HostileClass = {
  name: "discriminants and alignment",
  tries: "returns cases that do not exist and addresses that are not aligned",
  wall: "discriminants, labels and alignment are checked before anything is read behind them",
  cases: [
    ...["3", "4", "127", "255"].map((value) =>
      step(`the outcome ${value}`, "lift", INVALID, {
        handle: `(i32.store8 (i32.const 2048) (i32.const ${value})) (i32.const 2048)`,
      }),
    ),
    ...["2049", "2050", "2052"].map((at) =>
      step(`an outcome at ${at}`, "lift", INVALID, { handle: `(i32.const ${at})` }),
    ),
    step("attributes that are not aligned", "lift", INVALID, {
      handle: `${tampered(24, "3001")} drop (i32.store (i32.const 2076) (i32.const 1)) (i32.const 2048)`,
    }),
    step("an option that is neither there nor absent", "lift", INVALID, {
      handle: `(i32.const 4096)`,
      fields: `(data (i32.const 4096) "\\02\\00\\00\\00\\00\\00\\00\\00${words(1200, 2, 5, 0, 7, 1200, 2)}")`,
    }),
    step(
      "a log level that does not exist",
      "call",
      { kind: "trap", phase: "call" },
      {
        imports: IMPORT_LOG,
        handle: `(call $log (i32.const 9) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)) ${EMPTY_SUCCESS}`,
      },
    ),
  ],
};

export const REALLOC: HostileClass = {
  name: "lying allocators",
  tries: "lies in `cabi_realloc`",
  wall: "what it returns is held against range and alignment before a byte is written",
  cases: [
    step("an address beyond the memory", "lower", INVALID, {
      handle: EMPTY_SUCCESS,
      realloc: `(i32.const 0x7ffffff0)`,
    }),
    step("the highest address", "lower", INVALID, { handle: EMPTY_SUCCESS, realloc: `(i32.const -1)` }),
    step("an address that is not aligned", "lower", INVALID, { handle: EMPTY_SUCCESS, realloc: `(i32.const 9001)` }),
    step("a block that ends beyond the memory", "lower", INVALID, {
      handle: EMPTY_SUCCESS,
      realloc: `(i32.const 262136)`,
    }),
    step("a trap", "lower", { kind: "trap", phase: "lower" }, { handle: EMPTY_SUCCESS, realloc: "unreachable" }),
    step(
      "the same block for everything",
      "report",
      { kind: "success" },
      { handle: EMPTY_SUCCESS, realloc: `(i32.const 9000)` },
    ),
    step("growth, and an address just beyond it", "lower", INVALID, {
      handle: EMPTY_SUCCESS,
      realloc: `(drop (memory.grow (i32.const 1))) (i32.mul (memory.size) (i32.const 65536))`,
    }),
  ],
};

/** A result of raw bytes at 3000. */
function bytesResult(name: string, data: string, length: number, more: Partial<StepCase> = {}): StepCase {
  const guest = {
    handle: success("(i32.const 3000)", `(i32.const ${length})`),
    fields: `(data (i32.const 3000) "${data}")`,
  };
  return { ...step(name, "lift", INVALID, guest), ...more };
}

function utf16Result(name: string, data: string, units: number): StepCase {
  return step(name, "lift", INVALID, {
    handle: success("(i32.const 3000)", `(i32.const ${units})`).replace("(i32.const 1200)", "(i32.const 1210)"),
    fields: `(data (i32.const 3000) "${data}")`,
    encoding: "utf16",
  });
}

export const TEXTS: HostileClass = {
  name: "encodings",
  tries: "returns bytes that are no UTF-8 or UTF-16",
  wall: "strict decoders: nothing is replaced, everything is refused",
  cases: [
    bytesResult("a broken sequence", "\\22\\c3\\28\\22", 4),
    bytesResult("an over-long NUL", "\\22\\c0\\80\\22", 4),
    bytesResult("a surrogate", "\\22\\ed\\a0\\80\\22", 5),
    bytesResult("a code point beyond the last", "\\22\\f4\\90\\80\\80\\22", 6),
    bytesResult("a sequence that is cut off", "\\22\\e2\\82", 3),
    bytesResult("a byte that begins nothing", "\\22\\ff\\22", 3),
    utf16Result("a lone high surrogate", "\\22\\00\\00\\d8\\22\\00", 3),
    utf16Result("a lone low surrogate", "\\22\\00\\00\\dc\\22\\00", 3),
    utf16Result("surrogates in the wrong order", "\\22\\00\\00\\dc\\00\\d8\\22\\00", 4),
  ],
};

function document(name: string, json: string): StepCase {
  const bytes = Buffer.from(json);
  const data = Array.from(bytes, (byte) => `\\${byte.toString(16).padStart(2, "0")}`).join("");
  return step(name, "report", INVALID, {
    handle: success("(i32.const 70000)", `(i32.const ${bytes.length})`),
    fields: `(data (i32.const 70000) "${data}")`,
  });
}

export const DOCUMENTS: HostileClass = {
  name: "documents",
  tries: "returns what is no JSON, or what Postgres would refuse for the whole batch",
  wall: "every document is scanned in the host, before the transaction that would store it",
  cases: [
    document("no JSON", "{a}"),
    document("nothing", ""),
    document("two documents", "1 1"),
    document("an open string", '"abc'),
    document("NaN", "NaN"),
    document("U+0000", '"\\u0000"'),
    document("a lone surrogate", '"\\ud800"'),
    document("a number that Postgres would write out", "[1e131000]"),
    document("a number beyond its range", "1e999999"),
    document("a small number beyond its range", "1e-999999"),
    document("a key twice", '{"a":1,"a":1}'),
    document("a comment", "/**/1"),
  ],
};

export const PAYLOADS: HostileClass = {
  name: "payloads",
  tries: "returns documents that are deep, wide or full of keys",
  wall: "depth and bytes are counted by a scanner that does not recurse",
  cases: [
    document("1,000 arrays deep", "[".repeat(1_000) + "]".repeat(1_000)),
    document("50,000 arrays deep", "[".repeat(50_000) + "]".repeat(50_000)),
    document("50,000 arrays that never close", "[".repeat(50_000)),
    document("1,000 objects deep", `${'{"a":'.repeat(1_000)}1${"}".repeat(1_000)}`),
    document(
      "10,000 keys, the last twice",
      `{${Array.from({ length: 10_000 }, (_, at) => `"${at}":1`).join(",")},"9999":1}`,
    ),
    document("a number of 10,000 digits", "1".repeat(10_000)),
    document("50,000 escapes of U+0000", `"${"\\u0000".repeat(10_000)}"`),
  ],
};
