/** The virtual WASI 0.2 subset: answers without a world outside. Types and names stand in `world/wasi.ts`. */
import { AbiError } from "../canonical-abi/abi-error.ts";
import { FUEL_SCHEDULE } from "../../prepare/meter/index.ts";
import type { AbiValue, AbiVariant } from "../canonical-abi/codec.ts";
import type { CapabilityContext, HostFunction, HostFunctions } from "./capability.ts";

const OUTPUT = "wasi:io/streams#output-stream";
const INPUT = "wasi:io/streams#input-stream";
const POLLABLE = "wasi:io/poll#pollable";

/** Bytes that one write of a stream, or one wish for randomness, may hold. */
const MAX_CHUNK_BYTES = 65_536;
const NS_PER_SECOND = 1_000_000_000n;

const ok = (value?: AbiValue): AbiVariant => ({ case: 0, value });
const none: AbiVariant = { case: 0, value: undefined };
/** `stream-error.closed` as the error of a result. */
const closed: AbiVariant = { case: 1, value: { case: 1, value: undefined } };

/** Time ends where its u64 does: a clock that went on from 0 would go backwards. */
const LAST_NS = 2n ** 64n - 1n;

function pollable(context: CapabilityContext, readyAtNs: bigint): AbiValue {
  return context.handles.add({ type: POLLABLE, readyAtNs: readyAtNs < LAST_NS ? readyAtNs : LAST_NS });
}

const write: HostFunction = ({ handles, stdio }, [self, contents]) => {
  const { stream } = handles.get(self, OUTPUT);
  if (!(contents instanceof Uint8Array)) throw new AbiError("contents that are no bytes");
  if (contents.length > MAX_CHUNK_BYTES) {
    throw new AbiError(`a write of ${contents.length} bytes, at most ${MAX_CHUNK_BYTES} as check-write says`);
  }
  stdio.write(stream, contents);
  return ok();
};

const writable: HostFunction = ({ handles }, [self]) => {
  handles.get(self, OUTPUT);
  return ok(BigInt(MAX_CHUNK_BYTES));
};

const flush: HostFunction = ({ handles }, [self]) => {
  handles.get(self, OUTPUT);
  return ok();
};

const endOfInput: HostFunction = ({ handles }, [self]) => {
  handles.get(self, INPUT);
  return closed;
};

const datetime = (ns: bigint): AbiValue => [ns / NS_PER_SECOND, Number(ns % NS_PER_SECOND)];

const randomBytes: HostFunction = ({ meter, randomness }, [length]) => {
  const wanted = Number(length);
  if (wanted > MAX_CHUNK_BYTES) throw new AbiError(`${wanted} random bytes at once, at most ${MAX_CHUNK_BYTES}`);
  meter.charge(wanted * FUEL_SCHEDULE.hostByte);
  return randomness.bytes(wanted);
};
const randomU64: HostFunction = ({ randomness }) => randomness.u64();

const poll: HostFunction = ({ handles, clock }, [list]) => {
  if (!Array.isArray(list) || list.length === 0) throw new AbiError("poll of an empty list");
  const ready = list.map((handle: unknown) => handles.get(handle, POLLABLE).readyAtNs);
  const earliest = ready.reduce((least, instant) => (instant < least ? instant : least));
  clock.waitUntil(earliest);
  return ready.flatMap((instant, index) => (instant <= clock.nowNs ? [index] : []));
};

/** Not an error of the host and not a failure of the handler: the guest left without an answer. */
function exit(context: CapabilityContext, status: number): never {
  return context.state.end({ kind: "exit", status });
}

export const WASI_FUNCTIONS = {
  "wasi:cli/environment": {
    "get-environment": () => [],
    "get-arguments": () => [],
    "initial-cwd": () => none,
  },
  "wasi:cli/exit": {
    exit: (context, [status]) => exit(context, isVariant(status) ? status.case : 1),
    "exit-with-code": (context, [status]) => exit(context, Number(status)),
  },
  "wasi:cli/stdin": { "get-stdin": ({ handles }) => handles.add({ type: INPUT }) },
  "wasi:cli/stdout": { "get-stdout": ({ handles }) => handles.add({ type: OUTPUT, stream: "stdout" }) },
  "wasi:cli/stderr": { "get-stderr": ({ handles }) => handles.add({ type: OUTPUT, stream: "stderr" }) },
  "wasi:cli/terminal-stdin": { "get-terminal-stdin": () => none },
  "wasi:cli/terminal-stdout": { "get-terminal-stdout": () => none },
  "wasi:cli/terminal-stderr": { "get-terminal-stderr": () => none },
  "wasi:io/poll": {
    "[method]pollable.ready": ({ handles, clock }, [self]) => handles.get(self, POLLABLE).readyAtNs <= clock.nowNs,
    "[method]pollable.block": ({ handles, clock }, [self]) => {
      clock.waitUntil(handles.get(self, POLLABLE).readyAtNs);
      return undefined;
    },
    poll,
  },
  "wasi:io/streams": {
    "[method]input-stream.read": endOfInput,
    "[method]input-stream.blocking-read": endOfInput,
    "[method]input-stream.skip": endOfInput,
    "[method]input-stream.blocking-skip": endOfInput,
    "[method]input-stream.subscribe": (context, [self]) => {
      context.handles.get(self, INPUT);
      return pollable(context, 0n);
    },
    "[method]output-stream.check-write": writable,
    "[method]output-stream.write": write,
    "[method]output-stream.blocking-write-and-flush": write,
    "[method]output-stream.flush": flush,
    "[method]output-stream.blocking-flush": flush,
    "[method]output-stream.subscribe": (context, [self]) => {
      context.handles.get(self, OUTPUT);
      return pollable(context, 0n);
    },
  },
  "wasi:clocks/wall-clock": {
    now: ({ clock }) => datetime(clock.nowNs),
    resolution: () => [0n, 1_000_000],
  },
  "wasi:clocks/monotonic-clock": {
    now: ({ clock }) => clock.nowNs,
    resolution: () => 1_000_000n,
    "subscribe-instant": (context, [when]) => pollable(context, instant(when)),
    "subscribe-duration": (context, [when]) => pollable(context, context.clock.nowNs + instant(when)),
  },
  "wasi:random/random": { "get-random-bytes": randomBytes, "get-random-u64": randomU64 },
  "wasi:random/insecure": { "get-insecure-random-bytes": randomBytes, "get-insecure-random-u64": randomU64 },
  "wasi:random/insecure-seed": { "insecure-seed": ({ randomness }) => [randomness.u64(), randomness.u64()] },
  "wasi:filesystem/preopens": { "get-directories": () => [] },
} as const satisfies Readonly<Record<string, HostFunctions>>;

function isVariant(value: AbiValue | undefined): value is AbiVariant {
  return typeof value === "object" && "case" in value;
}

/** Lifting has made sure that it is a u64. */
function instant(value: AbiValue | undefined): bigint {
  return typeof value === "bigint" ? value : 0n;
}
