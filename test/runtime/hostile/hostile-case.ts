/** The words of the hostile corpus: a case is an upload, a step of an admitted component, or code planted in a process. */
import type { ErrorCode } from "../../../src/core/errors/index.ts";
import type { Outcome, PrepareLimits, RunLimits, RunPhase, StepContext } from "../../../src/runtime/index.ts";
import type { ChildKind } from "../../../src/runtime/process/code-snapshot.ts";
import type { WallName } from "../../../src/runtime/process/walls.ts";
import type { WatGuest } from "../support/wat-component.ts";

export type Bytes = Uint8Array<ArrayBuffer>;

/**
 * Where an upload is refused. "size", "structure" and "names" are our own reading, before foreign code sees the bytes;
 * the others are the stages of the two processes.
 */
export type UploadStage = "size" | "structure" | "names" | "translate" | "prepare" | "describe" | "artifact";

/** Where a run is when it is ended: a phase of it, or "report", where what it returned is judged. */
export type StepStage = RunPhase | "report";

export interface UploadCase {
  readonly kind: "upload";
  readonly name: string;
  readonly bytes: () => Bytes | Promise<Bytes>;
  readonly limits?: Partial<PrepareLimits>;
  readonly stage: UploadStage;
  /** Undefined where the upload is strange and harmless: it becomes an artifact like any other. */
  readonly code: ErrorCode | undefined;
}

export interface StepCase {
  readonly kind: "step";
  readonly name: string;
  readonly guest: WatGuest | (() => Promise<Bytes>);
  readonly context?: Partial<StepContext>;
  readonly limits?: Partial<RunLimits>;
  /** Straight to the sandbox: an upload with it may have been refused. */
  readonly sourceMap?: string;
  readonly stage: StepStage;
  /** What it may cost its process, where that is what the case is about: CPU time of the main thread. */
  readonly maxCpuMs?: number;
  /** How often it runs one after the other; the last outcome is the one that counts. Default `1`. */
  readonly times?: number;
  /** Members that the outcome has to have, `kind` among them. */
  readonly outcome: Partial<Outcome> & Pick<Outcome, "kind">;
}

/** A module that runs in place of a child's own entry, as if a guest had broken out of V8. */
export interface PlantedCase {
  readonly kind: "planted";
  readonly name: string;
  readonly child: ChildKind;
  /** JavaScript that runs when the first frame has come, as `request`, with the words of `planted-words.ts` at hand. */
  readonly code: string;
  /** The wall that stops it, where the machine may lack it: without that wall the case is left out. */
  readonly needs?: readonly WallName[];
  /** The code of the refused upload, or the kind of the step's outcome. */
  readonly ends: ErrorCode | Outcome["kind"];
}

export type HostileCase = UploadCase | StepCase | PlantedCase;

/** One class of attack: what it is, which wall stops it, and at least five cases. */
export interface HostileClass {
  readonly name: string;
  /** What the handler or upload tries, as docs/security.md says it. */
  readonly tries: string;
  readonly wall: string;
  readonly cases: readonly HostileCase[];
}

export function upload(
  name: string,
  stage: UploadStage,
  code: ErrorCode | undefined,
  bytes: UploadCase["bytes"],
  limits: Partial<PrepareLimits> = {},
): UploadCase {
  return { kind: "upload", name, stage, code, bytes, limits };
}

export function step(
  name: string,
  stage: StepStage,
  outcome: StepCase["outcome"],
  guest: StepCase["guest"],
  more: Pick<StepCase, "context" | "limits" | "sourceMap" | "maxCpuMs" | "times"> = {},
): StepCase {
  return { kind: "step", name, stage, outcome, guest, ...more };
}
