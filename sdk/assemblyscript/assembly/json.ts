import { TextBuffer } from "./text-buffer";

export enum JsonKind {
  Null,
  Bool,
  Number,
  String,
  Array,
  Object,
}

/**
 * A JSON value: read one with `Json.parse`, build one with `Json.object()`, `Json.int(7)` and their like.
 *
 * Numbers keep the text they were written with, so that any number passes through unchanged; `asI64` and `asF64` make
 * something to calculate with. Reading a value as what it is not throws, which fails the step with the place in the message.
 */
export class Json {
  readonly kind: JsonKind;
  /** A string's value, or a number's digits. */
  private text: string = "";
  private flag: bool = false;
  private items: Array<Json> = NO_ITEMS;
  private names: Array<string> = NO_NAMES;

  private constructor(kind: JsonKind) {
    this.kind = kind;
  }

  // --- building

  static nil(): Json {
    return new Json(JsonKind.Null);
  }

  static bool(value: bool): Json {
    const json = new Json(JsonKind.Bool);
    json.flag = value;
    return json;
  }

  static int(value: i64): Json {
    return Json.digits(value.toString());
  }

  /** Throws for NaN and the infinities, which JSON does not have. */
  static num(value: f64): Json {
    if (!isFinite(value)) throw new Error("Cannot make a JSON number of " + value.toString());
    if (value == 0) return Json.digits("0");
    const text = value.toString();
    return Json.digits(text.endsWith(".0") ? text.substring(0, text.length - 2) : text);
  }

  /** A number of any size from its JSON text. Throws where `text` is no JSON number. */
  static number(text: string): Json {
    const json = Json.parse(text);
    if (json.kind != JsonKind.Number) throw new Error('Cannot make a JSON number of "' + text + '"');
    return json;
  }

  static str(value: string): Json {
    const json = new Json(JsonKind.String);
    json.text = value;
    return json;
  }

  static array(): Json {
    const json = new Json(JsonKind.Array);
    json.items = new Array<Json>();
    return json;
  }

  static object(): Json {
    const json = new Json(JsonKind.Object);
    json.items = new Array<Json>();
    json.names = new Array<string>();
    return json;
  }

  /** Adds to the end of an array. Returns the array. */
  push(value: Json): Json {
    this.expect(JsonKind.Array);
    this.items.push(value);
    return this;
  }

  /** Sets a member of an object. Returns the object. */
  set(name: string, value: Json): Json {
    this.expect(JsonKind.Object);
    const at = this.names.indexOf(name);
    if (at >= 0) {
      this.items[at] = value;
    } else {
      this.names.push(name);
      this.items.push(value);
    }
    return this;
  }

  // --- reading

  get isNull(): bool {
    return this.kind == JsonKind.Null;
  }

  asBool(): bool {
    this.expect(JsonKind.Bool);
    return this.flag;
  }

  asString(): string {
    this.expect(JsonKind.String);
    return this.text;
  }

  /** The number's digits as they were written. */
  asNumberText(): string {
    this.expect(JsonKind.Number);
    return this.text;
  }

  /** The nearest double. */
  asF64(): f64 {
    this.expect(JsonKind.Number);
    return F64.parseFloat(this.text);
  }

  /** The integer, exactly. Throws where it has a fraction or an exponent, or does not fit 64 bits. */
  asI64(): i64 {
    this.expect(JsonKind.Number);
    const text = this.text;
    const negative = text.charCodeAt(0) == 0x2d;
    let value: i64 = 0;
    for (let at = negative ? 1 : 0; at < text.length; at++) {
      const digit = text.charCodeAt(at) - 0x30;
      // Counted down: the smallest i64 has no positive counterpart.
      if (digit < 0 || digit > 9 || value < (i64.MIN_VALUE + digit) / 10) return this.refuseInteger();
      value = value * 10 - digit;
    }
    if (negative) return value;
    return value == i64.MIN_VALUE ? this.refuseInteger() : -value;
  }

  /** Members of an object, elements of an array; 0 for anything else. */
  get length(): i32 {
    return this.items.length;
  }

  /** An array's element. */
  at(index: i32): Json {
    this.expect(JsonKind.Array);
    if (index < 0 || index >= this.items.length) {
      throw new Error("Cannot read element " + index.toString() + ": the array has " + this.items.length.toString());
    }
    return this.items[index];
  }

  has(name: string): bool {
    return this.kind == JsonKind.Object && this.names.indexOf(name) >= 0;
  }

  /** An object's member. Throws where there is none: see `find`. */
  get(name: string): Json {
    const found = this.find(name);
    if (found === null) throw new Error('Cannot read "' + name + '": the object has no such member');
    return found;
  }

  /** An object's member, or null where there is none. */
  find(name: string): Json | null {
    this.expect(JsonKind.Object);
    const at = this.names.indexOf(name);
    return at >= 0 ? this.items[at] : null;
  }

  /** An object's member names, in their order. */
  keys(): string[] {
    this.expect(JsonKind.Object);
    return this.names.slice(0);
  }

  // --- text

  /** Throws where `text` is not one JSON document. */
  static parse(text: string): Json {
    return new Parser(text).document();
  }

  /** The JSON text. U+0000 and lone surrogates come out escaped; in a step's result they are refused (`problem`). */
  toString(): string {
    const out = new TextBuffer();
    this.writeTo(out);
    return out.toString();
  }

  writeTo(out: TextBuffer): void {
    switch (this.kind) {
      case JsonKind.Null:
        out.text("null");
        break;
      case JsonKind.Bool:
        out.text(this.flag ? "true" : "false");
        break;
      case JsonKind.Number:
        out.text(this.text);
        break;
      case JsonKind.String:
        out.quoted(this.text);
        break;
      case JsonKind.Array:
        this.writeItems(out, 0x5b, 0x5d);
        break;
      default:
        this.writeItems(out, 0x7b, 0x7d);
    }
  }

  private writeItems(out: TextBuffer, open: u16, close: u16): void {
    out.unit(open);
    for (let at = 0, end = this.items.length; at < end; at++) {
      if (at > 0) out.unit(0x2c);
      if (this.kind == JsonKind.Object) {
        out.quoted(this.names[at]);
        out.unit(0x3a);
      }
      this.items[at].writeTo(out);
    }
    out.unit(close);
  }

  private expect(kind: JsonKind): void {
    if (this.kind != kind) throw new Error("Cannot read " + nameOf(this.kind) + " as " + nameOf(kind));
  }

  private refuseInteger(): i64 {
    throw new Error("Cannot read the number " + this.text + " as a 64-bit integer");
  }

  /** For the parser, whose text is a number already. */
  static digits(text: string): Json {
    const json = new Json(JsonKind.Number);
    json.text = text;
    return json;
  }
}

/** What arrays and objects replace; shared, since most values have no items. */
const NO_ITEMS: Array<Json> = new Array<Json>();
const NO_NAMES: Array<string> = new Array<string>();

function nameOf(kind: JsonKind): string {
  switch (kind) {
    case JsonKind.Null:
      return "null";
    case JsonKind.Bool:
      return "a boolean";
    case JsonKind.Number:
      return "a number";
    case JsonKind.String:
      return "a string";
    case JsonKind.Array:
      return "an array";
    default:
      return "an object";
  }
}

/** Nested arrays and objects that a document may have; the host's own limit. */
const MAX_DEPTH = 128;

/** A recursive reader of UTF-16 text. */
class Parser {
  private readonly text: string;
  private readonly length: i32;
  private at: i32 = 0;
  private depth: i32 = 0;

  constructor(text: string) {
    this.text = text;
    this.length = text.length;
  }

  document(): Json {
    const value = this.value();
    this.skipSpace();
    if (this.at < this.length) this.fail();
    return value;
  }

  private value(): Json {
    this.skipSpace();
    switch (this.peek()) {
      case 0x7b:
        return this.object();
      case 0x5b:
        return this.array();
      case 0x22:
        return Json.str(this.string());
      case 0x74:
        this.word("true");
        return Json.bool(true);
      case 0x66:
        this.word("false");
        return Json.bool(false);
      case 0x6e:
        this.word("null");
        return Json.nil();
      default:
        return this.number();
    }
  }

  private object(): Json {
    const object = Json.object();
    this.enter();
    if (this.peek() != 0x7d) {
      for (;;) {
        this.skipSpace();
        if (this.peek() != 0x22) this.fail();
        const name = this.string();
        this.skipSpace();
        this.take(0x3a);
        object.set(name, this.value());
        this.skipSpace();
        if (this.peek() != 0x2c) break;
        this.at++;
      }
    }
    this.leave(0x7d);
    return object;
  }

  private array(): Json {
    const array = Json.array();
    this.enter();
    if (this.peek() != 0x5d) {
      for (;;) {
        array.push(this.value());
        this.skipSpace();
        if (this.peek() != 0x2c) break;
        this.at++;
      }
    }
    this.leave(0x5d);
    return array;
  }

  private enter(): void {
    if (++this.depth > MAX_DEPTH) throw new Error("Cannot read JSON: more than " + MAX_DEPTH.toString() + " levels");
    this.at++;
    this.skipSpace();
  }

  private leave(close: i32): void {
    this.take(close);
    this.depth--;
  }

  /** The string at the cursor. Without an escape in it, which is the rule, it is one slice. */
  private string(): string {
    const start = ++this.at;
    let unit = this.peek();
    while (unit != 0x22) {
      if (unit == 0x5c) return this.escapedString(start);
      if (unit < 0x20) this.fail();
      this.at++;
      unit = this.peek();
    }
    return this.text.substring(start, this.at++);
  }

  private escapedString(start: i32): string {
    const out = new TextBuffer();
    let from = start;
    let unit = this.peek();
    while (unit != 0x22) {
      if (unit < 0x20) this.fail();
      if (unit == 0x5c) {
        out.text(this.text.substring(from, this.at));
        this.at++;
        out.unit(this.escape());
        from = this.at;
      } else {
        this.at++;
      }
      unit = this.peek();
    }
    out.text(this.text.substring(from, this.at));
    this.at++;
    return out.toString();
  }

  private escape(): u16 {
    const unit = this.peek();
    this.at++;
    switch (unit) {
      case 0x22:
      case 0x5c:
      case 0x2f:
        return <u16>unit;
      case 0x62:
        return 0x08;
      case 0x66:
        return 0x0c;
      case 0x6e:
        return 0x0a;
      case 0x72:
        return 0x0d;
      case 0x74:
        return 0x09;
      case 0x75:
        return this.hexUnit();
      default:
        this.at--;
        return <u16>this.fail();
    }
  }

  private hexUnit(): u16 {
    let value: i32 = 0;
    for (let digit = 0; digit < 4; digit++) {
      const unit = this.peek();
      const lower = unit | 0x20;
      if (unit >= 0x30 && unit <= 0x39) value = (value << 4) | (unit - 0x30);
      else if (lower >= 0x61 && lower <= 0x66) value = (value << 4) | (lower - 0x57);
      else this.fail();
      this.at++;
    }
    return <u16>value;
  }

  private number(): Json {
    const start = this.at;
    if (this.peek() == 0x2d) this.at++;
    const leadingZero = this.peek() == 0x30;
    const whole = this.digits();
    if (leadingZero && whole > 1) this.fail();
    if (this.peek() == 0x2e) {
      this.at++;
      this.digits();
    }
    if ((this.peek() | 0x20) == 0x65) {
      this.at++;
      if (this.peek() == 0x2b || this.peek() == 0x2d) this.at++;
      this.digits();
    }
    return Json.digits(this.text.substring(start, this.at));
  }

  /** Steps over at least one digit. Returns how many. */
  private digits(): i32 {
    const start = this.at;
    while (this.peek() >= 0x30 && this.peek() <= 0x39) this.at++;
    if (this.at == start) this.fail();
    return this.at - start;
  }

  private word(word: string): void {
    for (let index = 0; index < word.length; index++) this.take(word.charCodeAt(index));
  }

  private take(unit: i32): void {
    if (this.peek() != unit) this.fail();
    this.at++;
  }

  private skipSpace(): void {
    for (;;) {
      const unit = this.peek();
      if (unit != 0x20 && unit != 0x0a && unit != 0x0d && unit != 0x09) return;
      this.at++;
    }
  }

  /** The unit at the cursor; 0, which no document holds, at the end. */
  private peek(): i32 {
    if (this.at >= this.length) return 0;
    return <i32>load<u16>(changetype<usize>(this.text) + (<usize>this.at << 1));
  }

  private fail(): i32 {
    throw new Error("Cannot read JSON: unexpected text at offset " + this.at.toString());
  }
}
