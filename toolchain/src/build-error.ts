/** Why a build failed. Stable: tools branch on it. */
export type BuildErrorCode =
  /** `handler.toml` is missing, unreadable, or says something that is not accepted. */
  | "TSK_BUILD_CONFIG"
  /** A source file has a syntax error, or AssemblyScript's compiler refuses it. */
  | "TSK_BUILD_SOURCE"
  /** An import leads nowhere. */
  | "TSK_BUILD_IMPORT"
  /** The entry's top level throws, or exports no handlers. */
  | "TSK_BUILD_EVALUATION"
  /** The engine, the componentizer or the component itself does not do what this toolchain knows of it. */
  | "TSK_BUILD_ENGINE";

export interface BuildErrorFacts {
  readonly code: BuildErrorCode;
  /** What was tried: `Cannot read "handler.toml"`. */
  readonly attempted: string;
  readonly found: string;
  readonly accepted?: string | undefined;
  /** Where, as a path relative to the handler's folder; lines and columns from 1. */
  readonly file?: string | undefined;
  readonly line?: number | undefined;
  readonly column?: number | undefined;
}

/** A build that did not come to a component. The message names what was tried, what was found and what is accepted. */
export class BuildError extends Error {
  override readonly name = "BuildError";
  readonly code: BuildErrorCode;
  readonly attempted: string;
  readonly found: string;
  readonly accepted: string | undefined;
  readonly file: string | undefined;
  readonly line: number | undefined;
  readonly column: number | undefined;

  constructor(facts: BuildErrorFacts, options?: ErrorOptions) {
    const place = [facts.file, facts.line, facts.column].filter((part) => part !== undefined).join(":");
    const accepted = facts.accepted === undefined ? "" : `, accepted: ${facts.accepted}`;
    super(`${facts.attempted}${place === "" ? "" : ` (${place})`}: ${facts.found}${accepted}`, options);
    this.code = facts.code;
    this.attempted = facts.attempted;
    this.found = facts.found;
    this.accepted = facts.accepted;
    this.file = facts.file;
    this.line = facts.line;
    this.column = facts.column;
  }
}

/** The message of anything thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
