import { formatBytes, grouped } from "./format.ts";

type Context = Readonly<Record<string, unknown>>;

/** Where the limits of one kind are set, by who set them. */
interface LimitKeys {
  readonly host: string;
  /** Undefined where only the host sets it. */
  readonly grants?: string;
  readonly fixture?: string;
}

const FUEL: LimitKeys = { host: "sandbox.limits.fuel", grants: "fuel", fixture: "fuel" };
const MEMORY: LimitKeys = {
  host: "sandbox.limits.max_memory_bytes",
  grants: "max_memory_bytes",
  fixture: "memory_bytes",
};
const PAYLOAD: LimitKeys = { host: "grants.ceilings.max_payload_bytes", grants: "max_payload_bytes" };
const DEADLINE: LimitKeys = { host: "grants.ceilings.deadline_seconds", grants: "deadline_ms", fixture: "timeout_ms" };
const DEPTH: LimitKeys = { host: "sandbox.limits.max_call_depth" };
const OUTPUT: Readonly<Record<string, LimitKeys>> = {
  result: { host: "sandbox.limits.max_result_bytes", grants: "max_result_bytes" },
  log: { host: "sandbox.limits.max_log_bytes", grants: "max_log_bytes" },
  error: { host: "sandbox.limits.max_error_bytes" },
  "host-calls": { host: "sandbox.limits.max_host_calls" },
};

/** The limit that a failure hit, its value and where it was set; undefined for a failure of another kind. */
export function limitText(errorCode: string | undefined, context: Context): string | undefined {
  if (errorCode === undefined || !Object.hasOwn(TEXTS, errorCode)) return undefined;
  return TEXTS[errorCode]?.(context);
}

/** By error code: a payload and a memory have both so many bytes. */
const TEXTS: Readonly<Record<string, (context: Context) => string | undefined>> = {
  TSK_HANDLER_OUT_OF_FUEL: (context) =>
    textOf(context["limit_fuel"], (value) => `${grouped(value)} units of fuel`, FUEL, context),
  TSK_HANDLER_MEMORY_EXCEEDED: (context) => textOf(context["limit_bytes"], bytesText, MEMORY, context),
  TSK_HANDLER_PAYLOAD_EXCEEDED: (context) => textOf(context["limit_bytes"], bytesText, PAYLOAD, context),
  TSK_HANDLER_STACK_EXHAUSTED: (context) =>
    textOf(context["limit_call_depth"], (value) => `${grouped(value)} units of stack`, DEPTH, context),
  TSK_HANDLER_TIMEOUT: (context) => textOf(context["timeout_ms"], (value) => `${grouped(value)} ms`, DEADLINE, context),
  TSK_HANDLER_OUTPUT_EXCEEDED: (context) => {
    const { what, limit } = context;
    const unit = what === "host-calls" ? "calls" : "bytes";
    const keys = typeof what === "string" && Object.hasOwn(OUTPUT, what) ? OUTPUT[what] : undefined;
    return textOf(limit, (value) => `${grouped(value)} ${unit}`, keys, context);
  },
};

function textOf(
  value: unknown,
  shown: (value: number) => string,
  keys: LimitKeys | undefined,
  { set_by: setBy }: Context,
): string | undefined {
  if (typeof value !== "number") return undefined;
  const place = keys && placeOf(setBy, keys);
  return place === undefined ? shown(value) : `${shown(value)} (${place})`;
}

/** Undefined where the result does not say who set it: another worker's, or one of an older host. */
function placeOf(setBy: unknown, { host, grants, fixture }: LimitKeys): string | undefined {
  switch (setBy) {
    case "host":
      return host;
    case "grants":
      return grants && `${grants} of the namespace's grants`;
    case "ceiling":
      return (
        grants &&
        `grants.ceilings.${grants === "deadline_ms" ? "deadline_seconds" : grants}, below the namespace's grants`
      );
    case "template":
      return "timeout_seconds of the step in its template, else step_processing.default_timeout_seconds";
    case "fixture":
      return fixture && `limits.${fixture} of the fixture`;
    default:
      return undefined;
  }
}

function bytesText(bytes: number): string {
  return `${grouped(bytes)} bytes, ${formatBytes(bytes)}`;
}
