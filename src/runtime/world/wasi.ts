/**
 * The WASI 0.2 subset that language runtimes need to start and that can be answered without a world outside:
 * environment, exit, stdio to the log, a clock that stands still, seeded randomness, no directories.
 */
import {
  borrow,
  func,
  type FunctionType,
  list,
  option,
  own,
  record,
  result,
  string,
  tuple,
  u32,
  u64,
  u8,
  variant,
} from "../component/value-type.ts";

const INPUT = "wasi:io/streams#input-stream";
const OUTPUT = "wasi:io/streams#output-stream";
const POLLABLE = "wasi:io/poll#pollable";
const ERROR = "wasi:io/error#error";
const TERMINAL_INPUT = "wasi:cli/terminal-input#terminal-input";
const TERMINAL_OUTPUT = "wasi:cli/terminal-output#terminal-output";
const DESCRIPTOR = "wasi:filesystem/types#descriptor";
const DIRECTORY_STREAM = "wasi:filesystem/types#directory-entry-stream";

/**
 * Resources that a guest can name and never hold, as nothing here makes one: a function whose first parameter borrows
 * one traps before anything else is looked at, so its further types do not matter.
 */
export const NEVER_MADE: ReadonlySet<string> = new Set([
  ERROR,
  TERMINAL_INPUT,
  TERMINAL_OUTPUT,
  DESCRIPTOR,
  DIRECTORY_STREAM,
]);

const streamError = variant({ "last-operation-failed": own(ERROR), closed: undefined });
const bytes = list(u8);
const datetime = record({ seconds: u64, nanoseconds: u32 });

export const WASI_INTERFACES = {
  "wasi:cli/environment": {
    "get-environment": func({}, list(tuple(string, string))),
    "get-arguments": func({}, list(string)),
    "initial-cwd": func({}, option(string)),
  },
  "wasi:cli/exit": {
    exit: func({ status: result(undefined, undefined) }),
    "exit-with-code": func({ "status-code": u8 }),
  },
  "wasi:cli/stdin": { "get-stdin": func({}, own(INPUT)) },
  "wasi:cli/stdout": { "get-stdout": func({}, own(OUTPUT)) },
  "wasi:cli/stderr": { "get-stderr": func({}, own(OUTPUT)) },
  "wasi:cli/terminal-input": {},
  "wasi:cli/terminal-output": {},
  "wasi:cli/terminal-stdin": { "get-terminal-stdin": func({}, option(own(TERMINAL_INPUT))) },
  "wasi:cli/terminal-stdout": { "get-terminal-stdout": func({}, option(own(TERMINAL_OUTPUT))) },
  "wasi:cli/terminal-stderr": { "get-terminal-stderr": func({}, option(own(TERMINAL_OUTPUT))) },
  "wasi:io/error": {},
  "wasi:io/poll": {
    "[method]pollable.ready": func({ self: borrow(POLLABLE) }, { kind: "bool" }),
    "[method]pollable.block": func({ self: borrow(POLLABLE) }),
    poll: func({ in: list(borrow(POLLABLE)) }, list(u32)),
  },
  "wasi:io/streams": {
    "[method]input-stream.read": func({ self: borrow(INPUT), len: u64 }, result(bytes, streamError)),
    "[method]input-stream.blocking-read": func({ self: borrow(INPUT), len: u64 }, result(bytes, streamError)),
    "[method]input-stream.skip": func({ self: borrow(INPUT), len: u64 }, result(u64, streamError)),
    "[method]input-stream.blocking-skip": func({ self: borrow(INPUT), len: u64 }, result(u64, streamError)),
    "[method]input-stream.subscribe": func({ self: borrow(INPUT) }, own(POLLABLE)),
    "[method]output-stream.check-write": func({ self: borrow(OUTPUT) }, result(u64, streamError)),
    "[method]output-stream.write": func({ self: borrow(OUTPUT), contents: bytes }, result(undefined, streamError)),
    "[method]output-stream.blocking-write-and-flush": func(
      { self: borrow(OUTPUT), contents: bytes },
      result(undefined, streamError),
    ),
    "[method]output-stream.flush": func({ self: borrow(OUTPUT) }, result(undefined, streamError)),
    "[method]output-stream.blocking-flush": func({ self: borrow(OUTPUT) }, result(undefined, streamError)),
    "[method]output-stream.subscribe": func({ self: borrow(OUTPUT) }, own(POLLABLE)),
  },
  "wasi:clocks/wall-clock": { now: func({}, datetime), resolution: func({}, datetime) },
  "wasi:clocks/monotonic-clock": {
    now: func({}, u64),
    resolution: func({}, u64),
    "subscribe-instant": func({ when: u64 }, own(POLLABLE)),
    "subscribe-duration": func({ when: u64 }, own(POLLABLE)),
  },
  "wasi:random/random": { "get-random-bytes": func({ len: u64 }, bytes), "get-random-u64": func({}, u64) },
  "wasi:random/insecure": {
    "get-insecure-random-bytes": func({ len: u64 }, bytes),
    "get-insecure-random-u64": func({}, u64),
  },
  "wasi:random/insecure-seed": { "insecure-seed": func({}, tuple(u64, u64)) },
  "wasi:filesystem/types": {},
  "wasi:filesystem/preopens": { "get-directories": func({}, list(tuple(own(DESCRIPTOR), string))) },
} as const satisfies Readonly<Record<string, Readonly<Record<string, FunctionType>>>>;
