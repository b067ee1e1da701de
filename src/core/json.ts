/**
 * Checks JSON text without building a value from it.
 *
 * Documents travel through the host as text, so that integers beyond 2^53 and the guest's own spelling survive.
 * This scanner is what stands between such text and Postgres `jsonb`: it passes what `jsonb` keeps, and names what
 * `jsonb` would refuse (U+0000, lone surrogates, numbers out of range) or alter silently (duplicate keys).
 */

/** Why a text is refused, and where. */
export interface JsonProblem {
  readonly code: "TSK_JSON_MALFORMED" | "TSK_JSON_UNSTORABLE" | "TSK_JSON_TOO_LARGE";
  /** What was found, for example `U+0000 in a string`. */
  readonly found: string;
  /** Index of the UTF-16 code unit where it was found. */
  readonly offset: number;
}

export interface JsonLimits {
  /** UTF-8 bytes of the whole text. */
  readonly maxBytes: number;
  /** Nested arrays and objects. Default 128; Postgres parses recursively, and so do most readers. */
  readonly maxDepth?: number;
}

export const DEFAULT_MAX_JSON_DEPTH = 128;

/**
 * Digits plus absolute exponent of one number. `jsonb` stores numbers written out: `[1e131000]`, ten characters, would
 * come back as 131 kB.
 */
const MAX_NUMBER_DIGITS = 1_000;

/** The first problem of `text`, or undefined where it is one storable JSON document within the limits. */
export function scanJson(text: string, limits: JsonLimits): JsonProblem | undefined {
  if (text.length > limits.maxBytes || Buffer.byteLength(text) > limits.maxBytes) {
    return {
      code: "TSK_JSON_TOO_LARGE",
      found: `${Buffer.byteLength(text)} bytes (limit ${limits.maxBytes})`,
      offset: 0,
    };
  }
  return new Scanner(text, limits.maxDepth ?? DEFAULT_MAX_JSON_DEPTH).scan();
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const MINUS = 0x2d;
const ZERO = 0x30;
const NINE = 0x39;

class Scanner {
  readonly #text: string;
  readonly #maxDepth: number;
  /** One entry an open container: the keys seen so far of an object, null for an array. */
  readonly #open: (Set<string> | null)[] = [];
  #at = 0;

  constructor(text: string, maxDepth: number) {
    this.#text = text;
    this.#maxDepth = maxDepth;
  }

  scan(): JsonProblem | undefined {
    let valueComes = true;
    for (;;) {
      this.#skipSpace();
      if (valueComes) {
        const problem = this.#value();
        if (problem === "opened") continue;
        if (problem !== undefined) return problem;
        valueComes = false;
      } else if (this.#open.length === 0) {
        return this.#at === this.#text.length ? undefined : this.#malformed();
      } else {
        const next = this.#afterValue();
        if (typeof next === "object") return next;
        valueComes = next === "value";
      }
    }
  }

  /** A value at the cursor; "opened" where it is a container whose first value is still to come. */
  #value(): JsonProblem | "opened" | undefined {
    const char = this.#text.charCodeAt(this.#at);
    switch (char) {
      case 0x7b: // {
        return this.#openObject();
      case 0x5b: // [
        return this.#openArray();
      case QUOTE:
        return this.#string();
      case 0x74: // t
        return this.#word("true");
      case 0x66: // f
        return this.#word("false");
      case 0x6e: // n
        return this.#word("null");
      default:
        return this.#number();
    }
  }

  #openObject(): JsonProblem | "opened" | undefined {
    if (this.#open.length >= this.#maxDepth) return this.#tooDeep();
    this.#at += 1;
    this.#skipSpace();
    if (this.#text.charCodeAt(this.#at) === 0x7d) {
      this.#at += 1;
      return undefined;
    }
    this.#open.push(new Set());
    return this.#key() ?? "opened";
  }

  #openArray(): JsonProblem | "opened" | undefined {
    if (this.#open.length >= this.#maxDepth) return this.#tooDeep();
    this.#at += 1;
    this.#skipSpace();
    if (this.#text.charCodeAt(this.#at) === 0x5d) {
      this.#at += 1;
      return undefined;
    }
    this.#open.push(null);
    return "opened";
  }

  #afterValue(): JsonProblem | "value" | "closed" {
    const keys = this.#open.at(-1);
    const char = this.#text.charCodeAt(this.#at);
    if (char === (keys ? 0x7d : 0x5d)) {
      this.#at += 1;
      this.#open.pop();
      return "closed";
    }
    if (char !== 0x2c) return this.#malformed();
    this.#at += 1;
    if (!keys) return "value";
    this.#skipSpace();
    return this.#key() ?? "value";
  }

  #key(): JsonProblem | undefined {
    const start = this.#at;
    if (this.#text.charCodeAt(start) !== QUOTE) return this.#malformed();
    const problem = this.#string();
    if (problem) return problem;
    const raw = this.#text.slice(start + 1, this.#at - 1);
    // Two spellings of one key (`"a"`, `"\u0061"`) are one key to every reader.
    const key = raw.includes("\\") ? String(JSON.parse(`"${raw}"`)) : raw;
    const keys = this.#open.at(-1);
    if (keys?.has(key)) return this.#unstorable(`the key ${JSON.stringify(key)} twice in one object`, start);
    keys?.add(key);
    this.#skipSpace();
    if (this.#text.charCodeAt(this.#at) !== 0x3a) return this.#malformed();
    this.#at += 1;
    return undefined;
  }

  #string(): JsonProblem | undefined {
    const text = this.#text;
    for (let at = this.#at + 1; ; at += 1) {
      const char = text.charCodeAt(at);
      if (char === QUOTE) {
        this.#at = at + 1;
        return undefined;
      }
      if (char < 0x20 || Number.isNaN(char)) return this.#malformed(at);
      if (char === BACKSLASH || (char >= 0xd800 && char <= 0xdfff)) {
        const unit = codeUnit(text, at);
        if (unit === undefined) return this.#malformed(at);
        if (unit.value === 0) return this.#unstorable("U+0000 in a string", at);
        at += unit.length - 1;
        if (unit.value >= 0xdc00 && unit.value <= 0xdfff) return this.#unstorable("a lone surrogate in a string", at);
        if (unit.value >= 0xd800 && unit.value <= 0xdbff) {
          const low = codeUnit(text, at + 1);
          if (low === undefined || low.value < 0xdc00 || low.value > 0xdfff) {
            return this.#unstorable("a lone surrogate in a string", at);
          }
          at += low.length;
        }
      }
    }
  }

  #number(): JsonProblem | undefined {
    const start = this.#at;
    if (this.#text.charCodeAt(this.#at) === MINUS) this.#at += 1;
    const whole = this.#digits();
    if (whole === 0 || (whole > 1 && this.#text.charCodeAt(this.#at - whole) === ZERO)) return this.#malformed(start);
    if (this.#text.charCodeAt(this.#at) === 0x2e) {
      this.#at += 1;
      if (this.#digits() === 0) return this.#malformed();
    }
    const mantissaEnd = this.#at;
    let exponent = 0;
    if ((this.#text.charCodeAt(this.#at) | 0x20) === 0x65) {
      this.#at += 1;
      const sign = this.#text.charCodeAt(this.#at);
      if (sign === MINUS || sign === 0x2b) this.#at += 1;
      const digits = this.#digits();
      if (digits === 0) return this.#malformed();
      exponent = Number(this.#text.slice(this.#at - digits, this.#at));
    }
    if (mantissaEnd - start + exponent > MAX_NUMBER_DIGITS) {
      return this.#unstorable(`a number of more than ${MAX_NUMBER_DIGITS} digits when written out`, start);
    }
    return undefined;
  }

  #digits(): number {
    const start = this.#at;
    for (;;) {
      const char = this.#text.charCodeAt(this.#at);
      if (!(char >= ZERO && char <= NINE)) return this.#at - start;
      this.#at += 1;
    }
  }

  #word(word: string): JsonProblem | undefined {
    if (!this.#text.startsWith(word, this.#at)) return this.#malformed();
    this.#at += word.length;
    return undefined;
  }

  #skipSpace(): void {
    for (;;) {
      const char = this.#text.charCodeAt(this.#at);
      if (char !== 0x20 && char !== 0x0a && char !== 0x0d && char !== 0x09) return;
      this.#at += 1;
    }
  }

  #malformed(offset: number = this.#at): JsonProblem {
    const found =
      offset >= this.#text.length
        ? "the end of the text inside a value"
        : `${JSON.stringify(this.#text.charAt(offset))} where JSON allows no such character`;
    return { code: "TSK_JSON_MALFORMED", found: `${found} (offset ${offset})`, offset };
  }

  #unstorable(found: string, offset: number): JsonProblem {
    return { code: "TSK_JSON_UNSTORABLE", found: `${found} (offset ${offset})`, offset };
  }

  #tooDeep(): JsonProblem {
    const found = `more than ${this.#maxDepth} nested arrays and objects (offset ${this.#at})`;
    return { code: "TSK_JSON_TOO_LARGE", found, offset: this.#at };
  }
}

const SIMPLE_ESCAPES = '"\\/bfnrt';

/** The code unit that stands at `at`, plain or as an escape, and how many characters it takes; undefined for a bad escape. */
function codeUnit(text: string, at: number): { value: number; length: number } | undefined {
  if (text.charCodeAt(at) !== BACKSLASH) return { value: text.charCodeAt(at), length: 1 };
  const kind = text.charAt(at + 1);
  if (kind === "u") {
    const hex = text.slice(at + 2, at + 6);
    return /^[0-9a-fA-F]{4}$/.test(hex) ? { value: Number.parseInt(hex, 16), length: 6 } : undefined;
  }
  // Whatever a simple escape stands for is neither U+0000 nor a surrogate: any other value will do.
  return kind !== "" && SIMPLE_ESCAPES.includes(kind) ? { value: 0x20, length: 2 } : undefined;
}
