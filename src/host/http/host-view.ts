import type { SystemOperationalState } from "../worker/coordinator.ts";

/** One namespace that the host serves. */
export interface NamespaceView {
  readonly namespace: string;
  /** Steps that may run at once. */
  readonly slots: number;
  /** Steps claimed and not yet reported. */
  readonly active: number;
  /** Visible messages in the step queue. */
  readonly queueDepth: number;
  readonly stepsPerSecond: number;
  /** A backlog, and slower than `health_monitoring.step_processing_rate_threshold`. */
  readonly slow: boolean;
}

/** One wall between sandbox processes and the rest of the machine. */
export interface WallView {
  /** For example `own uid`, `network namespace`. */
  readonly wall: string;
  readonly stands: boolean;
  /** Why it stands or is missing, for operators. No secrets. */
  readonly detail: string;
}

/** A component that runs steps. */
export interface ComponentView {
  readonly namespace: string;
  readonly name: string;
  readonly version: string;
  /** SHA-256 of the component's bytes, hexadecimal. */
  readonly digest: string;
  readonly callables: readonly string[];
}

export interface TemplateView {
  readonly namespace: string;
  readonly name: string;
  readonly version: string;
  readonly steps: number;
}

/** Something that was not loaded, or does not work, while the rest goes on. */
export interface ProblemView {
  /** What it concerns, for example a file of the handlers directory. */
  readonly subject: string;
  /** Whose it is; undefined: it concerns all. */
  readonly namespace: string | undefined;
  /** A code of the catalogue. */
  readonly code: string;
  readonly message: string;
}

export interface DatabaseView {
  readonly kind: "embedded" | "external";
  /** As the server calls itself, for example `18.4`; undefined before the first connection. */
  readonly serverVersion: string | undefined;
  /** Where `pgmq` comes from: the server's extension, our migrations, or it was there already. */
  readonly pgmq: "extension" | "own" | "found" | undefined;
  readonly poolSize: number;
  readonly poolIdle: number;
  readonly poolWaiting: number;
}

/**
 * What the HTTP API may know of the host. Everything in it is shown to whoever reaches the port: never a secret, a
 * connection URL or a context. Methods answer at once, from memory.
 */
export interface HostView {
  /** `worker_<uuid>`, new at every start. */
  readonly workerId: string;
  readonly version: string;
  /** `TASKER_ENV`. */
  readonly environment: string;
  readonly orchestration: "embedded" | "external";
  readonly isolation: "process" | "inline";
  /** Milliseconds since 1970. */
  readonly startedAtMs: number;
  state(): SystemOperationalState;
  namespaces(): readonly NamespaceView[];
  walls(): readonly WallView[];
  components(): readonly ComponentView[];
  templates(): readonly TemplateView[];
  problems(): readonly ProblemView[];
  database(): DatabaseView;
  /** Why nothing is claimed although the host runs; undefined where that is not so. */
  trouble(): string | undefined;
}
