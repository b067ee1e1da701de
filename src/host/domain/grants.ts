/** What the runs of a namespace's handlers may cost, where the namespace says so. Absent members: the host's own limits. */
export interface GrantLimits {
  /** Units of the fuel schedule, for one run. */
  readonly fuel?: number | undefined;
  /** Bytes of memories and tables. */
  readonly max_memory_bytes?: number | undefined;
  /** Longest deadline of a step, in milliseconds; a shorter one of its template holds. */
  readonly deadline_ms?: number | undefined;
  /** UTF-8 bytes of what a handler is given: context, inputs, configuration, results of other steps, checkpoint. */
  readonly max_payload_bytes?: number | undefined;
  /** UTF-8 bytes of a result. */
  readonly max_result_bytes?: number | undefined;
  /** UTF-8 bytes over all log lines. */
  readonly max_log_bytes?: number | undefined;
}

export type GrantLimit = keyof GrantLimits;

/** The limits that grants may set, in the order in which they are shown. */
export const GRANT_LIMITS = [
  "fuel",
  "max_memory_bytes",
  "deadline_ms",
  "max_payload_bytes",
  "max_result_bytes",
  "max_log_bytes",
] as const satisfies readonly GrantLimit[];

/** What changes of a namespace's grants; what is not named stays. Null returns a member to the host's default. */
export interface GrantChanges {
  readonly capabilities?: readonly string[] | null | undefined;
  readonly limits?: { readonly [K in GrantLimit]?: number | null | undefined } | undefined;
}

/** Below these no handler could run: a grant of so little is a mistake. */
export const LEAST_LIMITS = {
  fuel: 1,
  // One page: no memory is smaller.
  max_memory_bytes: 65_536,
  deadline_ms: 1,
  // `{}`
  max_payload_bytes: 2,
  max_result_bytes: 2,
  max_log_bytes: 0,
} as const satisfies Record<GrantLimit, number>;

/** The limits in force: what the namespace says, where it says something and the host's ceiling allows it. */
export function limitsWithin(
  granted: GrantLimits,
  defaults: Required<GrantLimits>,
  ceilings: Required<GrantLimits>,
): { readonly [K in GrantLimit]: number } {
  const limit = (name: GrantLimit): number => Math.min(granted[name] ?? defaults[name] ?? 0, ceilings[name] ?? 0);
  return {
    fuel: limit("fuel"),
    max_memory_bytes: limit("max_memory_bytes"),
    deadline_ms: limit("deadline_ms"),
    max_payload_bytes: limit("max_payload_bytes"),
    max_result_bytes: limit("max_result_bytes"),
    max_log_bytes: limit("max_log_bytes"),
  };
}
