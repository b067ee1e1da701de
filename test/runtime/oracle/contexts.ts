/** Generated step contexts: plausible ones of a handler's own templates, damaged ones, and ones from nowhere. */
import fc from "fast-check";
import type { StepContext } from "../../../src/runtime/index.ts";
import { CONTEXT } from "../support/runs.ts";

/** What a step of a template looks like when it runs as its author meant. */
export interface KnownStep {
  readonly stepName: string;
  readonly callable: string;
  readonly dependencies: readonly string[];
}

/** A handler's steps, and documents that they are used to. */
export interface Corpus {
  readonly steps: readonly KnownStep[];
  readonly contexts: readonly unknown[];
  /** Results of steps that ran well, by step name. */
  readonly results: ReadonlyMap<string, unknown>;
}

const LARGEST_U64 = 2n ** 64n - 1n;
const MEGABYTE = 1_048_576;

/** Every plane, the ends of each UTF-8 length, combining and right-to-left marks, what only looks empty. */
const text = fc.oneof(
  fc.string({ unit: "binary", maxLength: 24 }),
  fc.string({ unit: "grapheme", maxLength: 12 }),
  fc.constantFrom(
    "",
    "\0",
    "\u007F\u0080\u07FF\u0800\uFFFF",
    "\u{10000}\u{10FFFF}",
    "\uFEFF",
    "\u2028\u2029",
    "e\u0301",
  ),
  fc.constantFrom("👩‍👩‍👧‍👦", "\u202Egnp.exe", "𝒳".repeat(2_000), "x".repeat(70_000)),
);

/** Halves of pairs: the host's own texts may hold them until they are lowered. */
const halvedText = fc.oneof(
  { weight: 3, arbitrary: text },
  {
    weight: 1,
    arbitrary: fc
      .tuple(text, fc.constantFrom("\uD800", "\uDBFF", "\uDC00", "\uDFFF", "\uDC00\uD800"), text)
      .map((parts) => parts.join("")),
  },
);

/** Spellings of numbers that readers disagree on. */
const numberText = fc.constantFrom(
  "0",
  "-0",
  "-0.0",
  "1e0",
  "1E+2",
  "2147483647",
  "2147483648",
  "-2147483649",
  "4294967296",
  "9007199254740991",
  "9007199254740992",
  "9007199254740993",
  "-9007199254740993",
  "9223372036854775807",
  "9223372036854775808",
  "-9223372036854775808",
  "18446744073709551615",
  "18446744073709551616",
  "1e21",
  "1e-7",
  "5e-324",
  "2.2250738585072014e-308",
  "1.7976931348623157e308",
  "1e400",
  "0.1",
  "0.30000000000000004",
  "123456789012345678901234567890",
);

const deepText = fc
  .tuple(fc.integer({ min: 10, max: 100 }), fc.constantFrom(["[", "]"], ['{"a":', "}"]))
  .map(([depth, [open, close]]) => `${open?.repeat(depth)}1${close?.repeat(depth)}`);

const anyDocument = fc.oneof(
  fc.jsonValue({ stringUnit: "binary" }).map((value) => JSON.stringify(value)),
  numberText,
  deepText,
  fc.constantFrom(
    "{}",
    "[]",
    "null",
    "true",
    '""',
    ' { "a" : [ ] } ',
    '{"even_number":7,"even_number":6}',
    '"\\u00e9\\ud83d\\ude00"',
  ),
  fc.constantFrom(`"${"€".repeat(MEGABYTE / 8)}"`, `[${"1,".repeat(20_000)}2]`),
);

/** A document with one value in it replaced by the text of another. */
function damaged(document: unknown): fc.Arbitrary<string> {
  const places = placesIn(document);
  return fc
    .tuple(
      fc.nat(places.length - 1),
      fc.oneof(
        numberText,
        anyDocument,
        text.map((value) => JSON.stringify(value)),
      ),
    )
    .map(([at, other]) => {
      const mark = `@@${at}@@`;
      const marked = JSON.stringify(withMark(document, places[at] ?? [], mark));
      return marked.replace(JSON.stringify(mark), () => other);
    });
}

type Place = readonly (string | number)[];

function placesIn(value: unknown, here: Place = []): Place[] {
  if (typeof value !== "object" || value === null) return [here];
  return [here, ...Object.entries(value).flatMap(([key, inner]) => placesIn(inner, [...here, key]))];
}

function withMark(value: unknown, [key, ...rest]: Place, mark: string): unknown {
  if (key === undefined) return mark;
  if (Array.isArray(value)) return value.map((inner, at) => (String(at) === key ? withMark(inner, rest, mark) : inner));
  return Object.fromEntries(
    Object.entries(value as object).map(([name, inner]) => [name, name === key ? withMark(inner, rest, mark) : inner]),
  );
}

function around(documents: readonly unknown[]): fc.Arbitrary<string> {
  return fc
    .constantFrom(...documents)
    .chain((document) =>
      fc.oneof(
        { weight: 3, arbitrary: fc.constant(JSON.stringify(document)) },
        { weight: 2, arbitrary: damaged(document) },
        { weight: 1, arbitrary: anyDocument },
      ),
    );
}

const absent = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(arbitrary, { nil: undefined });

const attributes = fc.oneof(
  fc.constant([]),
  fc.array(fc.tuple(halvedText, halvedText), { maxLength: 4 }),
  fc.constant(Array.from({ length: 500 }, (_, at): [string, string] => [`name.${at}`, `value ${at}`])),
);

const u32 = fc.oneof(fc.integer({ min: 1, max: 5 }), fc.constantFrom(1, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff));
const milliseconds = fc.oneof(fc.constantFrom(1, 2 ** 32, Number.MAX_SAFE_INTEGER), fc.maxSafeNat());

/** Contexts for the steps of a corpus; two in three are for a callable that the handler has, with what that one expects. */
export function contextsOf(corpus: Corpus): fc.Arbitrary<StepContext> {
  const unknown: KnownStep = { stepName: "nowhere", callable: "no.such", dependencies: [] };
  return fc.constantFrom(...corpus.steps, ...corpus.steps, unknown).chain(({ stepName, callable, dependencies }) =>
    fc.record<StepContext>({
      taskUuid: fc.constant(CONTEXT.taskUuid),
      stepUuid: fc.uuid(),
      correlationId: fc.oneof(fc.uuid(), halvedText),
      parentCorrelationId: absent(halvedText),
      namespace: fc.oneof(fc.constant("default"), text),
      taskName: text,
      taskVersion: text,
      stepName: fc.oneof(fc.constant(stepName), halvedText),
      templateStepName: fc.oneof(fc.constant(stepName), text),
      callable: fc.oneof({ weight: 20, arbitrary: fc.constant(callable) }, { weight: 1, arbitrary: text }),
      method: absent(text),
      attempt: u32,
      maxAttempts: u32,
      nowMs: milliseconds,
      deadlineMs: milliseconds,
      seed: fc
        .oneof(fc.constantFrom(0n, 1n, 2n ** 63n, LARGEST_U64), fc.bigInt({ min: 0n, max: LARGEST_U64 }))
        .map(String),
      contextJson: around(corpus.contexts),
      inputsJson: fc.oneof(fc.constant("{}"), anyDocument),
      configJson: fc.oneof(fc.constant("{}"), anyDocument),
      dependencyResults: dependencyResults(corpus, dependencies),
      checkpoint: absent(
        fc.record({
          cursorJson: anyDocument,
          itemsProcessed: milliseconds,
          accumulatedJson: absent(anyDocument),
        }),
      ),
      attributes,
    }),
  );
}

function dependencyResults(
  { results }: Corpus,
  dependencies: readonly string[],
): fc.Arbitrary<StepContext["dependencyResults"]> {
  const expected = dependencies.map((stepName) =>
    fc.record({ stepName: fc.constant(stepName), resultJson: around([results.get(stepName) ?? {}]) }),
  );
  const others = fc.array(fc.record({ stepName: text, resultJson: anyDocument }), { maxLength: 3 });
  const many = fc.constant(
    Array.from({ length: 300 }, (_, at) => ({ stepName: `s${at}`, resultJson: `{"result":${at}}` })),
  );
  return fc
    .tuple(fc.tuple(...expected), fc.oneof({ weight: 9, arbitrary: others }, { weight: 1, arbitrary: many }))
    .chain(([wanted, more]) =>
      fc.oneof(
        { weight: 5, arbitrary: fc.constant([...wanted, ...more]) },
        { weight: 1, arbitrary: fc.shuffledSubarray([...wanted, ...more]) },
      ),
    );
}
