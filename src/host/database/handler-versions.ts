/** Versions of handlers as the database judges them: every change is one function, one transaction, one entry of the audit. */
import type { Actor } from "../domain/actor.ts";
import { asBuffer, type NewComponent } from "./components.ts";
import type { Database } from "./connection.ts";

/** A version of a handler, by its names. */
export interface VersionName {
  readonly namespace: string;
  readonly name: string;
  readonly version: string;
}

/** A handler, by its names. */
export type HandlerName = Omit<VersionName, "version">;

export interface NewVersion extends VersionName {
  readonly actor: Actor;
  readonly callables: readonly string[];
  readonly component: NewComponent;
  /** For backtraces of this namespace. */
  readonly sourceMap: string | undefined;
  /** The prepared form that is stored was found wrong: this one takes its place. */
  readonly replaceArtifact: boolean;
}

/** What a host says of capabilities when a version shall become active there. */
export interface CapabilityRules {
  /** Those of a namespace without grants of its own. */
  readonly defaults: readonly string[];
  /** Those that no namespace gets beyond. */
  readonly ceiling: readonly string[];
}

/**
 * What became of a new version; `again`: it is back after it was deleted; `conflict`: it has or had (`deleted`) other bytes, and
 * nothing changed.
 */
export type RegisterVerdict =
  | { readonly verdict: "created"; readonly again?: true }
  | { readonly verdict: "known" }
  | { readonly verdict: "conflict"; readonly digest: string; readonly deleted: boolean };

/** What became of a version that may replace another; where its promotion is refused, nothing changed. */
export interface ReplaceVerdict {
  readonly verdict: "created" | "known" | "replaced";
  readonly promotion: AskedPromotion;
}

/** Why a version may not become active in its namespace. */
export type ActivationProblem =
  | { readonly verdict: "not_granted"; readonly missing: readonly string[]; readonly granted: readonly string[] }
  | { readonly verdict: "callable_taken"; readonly conflicts: readonly CallableConflict[] };

/** A callable that another active component of the namespace serves. */
export interface CallableConflict {
  readonly callable: string;
  /** `name@version` of that component. */
  readonly held_by: string;
}

/** What became of a promotion; null: what somebody has settled stays, a version that is active or a deactivation. */
export type AskedPromotion = PromoteVerdict | null;

/** The version that was active before; null where there was none. */
export type Replaced = { readonly version: string; readonly digest: string } | null;

export type PromoteVerdict =
  | { readonly verdict: "promoted"; readonly replaced: Replaced }
  | { readonly verdict: "unchanged" }
  | { readonly verdict: "unknown" | "deprecated" }
  | {
      readonly verdict: "needs_approval";
      /** The version that ran the callables last; with its handler's name where that is another. */
      readonly active: string;
      readonly added: readonly string[];
      readonly removed: readonly string[];
    }
  | ActivationProblem;

export type RollBackVerdict =
  | { readonly verdict: "rolled_back"; readonly version: string; readonly replaced: Replaced }
  | { readonly verdict: "unknown" | "nothing" }
  | (ActivationProblem & { readonly version: string });

export type DeactivateVerdict =
  | { readonly verdict: "deactivated"; readonly version: string; readonly digest: string }
  | { readonly verdict: "nothing" | "unknown" };

export type DeleteVerdict =
  | { readonly verdict: "deleted" | "unknown" | "active" }
  | { readonly verdict: "in_use"; readonly leased: number; readonly waiting: number };

const REGISTER = "select tasker_host.register_version($1, $2, $3, $4, $5, $6, $7, $8, false) as answer";
const REPLACE = "select tasker_host.replace_version($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) as answer";
const REGISTER_AND_PROMOTE =
  "select tasker_host.register_and_promote($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) as answer";
const PROMOTE = "select tasker_host.promote_version($1, $2, $3, $4, $5, $6, false, false) as answer";
const ROLL_BACK = "select tasker_host.roll_back_handler($1, $2, $3, $4, $5) as answer";
const DEACTIVATE = "select tasker_host.deactivate_handler($1, $2, $3) as answer";
const APPROVE = "select tasker_host.approve_version($1, $2, $3, $4) as answer";
const DEPRECATE = "select tasker_host.deprecate_version($1, $2, $3, $4, $5) as answer";
const DELETE = "select tasker_host.delete_version($1, $2, $3, $4) as answer";
const SERVE_LATE = "select tasker_host.serve_late($1, $2, $3, $4) as digest";
const LAST_SERVER_OF = "select tasker_host.last_server_of($1, $2) as server";

/** Makes a component known as a version, and stores it. */
export function registerVersion(database: Database, version: NewVersion): Promise<RegisterVerdict> {
  return ask(database, "register_version", REGISTER, valuesOf(version));
}

/**
 * The same, and asks for its promotion, in one transaction; where only that is refused, the version is stored. With `ifNew`, bytes
 * that were known change nothing of what somebody has settled.
 */
export function registerAndPromote(
  database: Database,
  version: NewVersion,
  { defaults, ceiling }: CapabilityRules,
  ifNew: boolean,
): Promise<RegisterVerdict & { readonly promotion?: AskedPromotion }> {
  const values = [...valuesOf(version), defaults, ceiling, ifNew];
  return ask(database, "register_and_promote", REGISTER_AND_PROMOTE, values);
}

/**
 * For a developer's own host: makes a component known and active, in the place of other bytes, however much it imports. With
 * `ifNew`, bytes that were known change nothing of what somebody has settled.
 */
export function replaceVersion(
  database: Database,
  version: NewVersion,
  { defaults, ceiling }: CapabilityRules,
  ifNew: boolean,
): Promise<ReplaceVerdict> {
  return ask(database, "replace_version", REPLACE, [...valuesOf(version), defaults, ceiling, ifNew]);
}

function valuesOf(version: NewVersion): readonly unknown[] {
  const { actor, namespace, name, callables, component } = version;
  const facts = {
    digest: component.digest,
    source_map: version.sourceMap,
    replace_artifact: version.replaceArtifact,
    imports: component.imports,
    exports: component.exports,
    capabilities: component.capabilities,
    preparer_version: component.preparerVersion,
    fuel_schedule_id: component.fuelScheduleId,
    describe_fuel: component.describeFuel,
  };
  return [
    JSON.stringify(actor),
    namespace,
    name,
    version.version,
    callables,
    JSON.stringify(facts),
    asBuffer(component.bytes),
    asBuffer(component.artifact),
  ];
}

/** Makes a version the active one of its handler. */
export function promoteVersion(
  database: Database,
  actor: Actor,
  { namespace, name, version }: VersionName,
  { defaults, ceiling }: CapabilityRules,
): Promise<PromoteVerdict> {
  const values = [JSON.stringify(actor), namespace, name, version, defaults, ceiling];
  return ask(database, "promote_version", PROMOTE, values);
}

/** Undoes the last promotion or deactivation; called again, the one before. */
export function rollBackHandler(
  database: Database,
  actor: Actor,
  { namespace, name }: HandlerName,
  { defaults, ceiling }: CapabilityRules,
): Promise<RollBackVerdict> {
  return ask(database, "roll_back_handler", ROLL_BACK, [JSON.stringify(actor), namespace, name, defaults, ceiling]);
}

/** Leaves a handler without an active version. */
export function deactivateHandler(
  database: Database,
  actor: Actor,
  { namespace, name }: HandlerName,
): Promise<DeactivateVerdict> {
  return ask(database, "deactivate_handler", DEACTIVATE, [JSON.stringify(actor), namespace, name]);
}

/** Lets a version become active although it imports more than the active one; false where there is no such version. */
export function approveVersion(
  database: Database,
  actor: Actor,
  { namespace, name, version }: VersionName,
): Promise<boolean> {
  return ask(database, "approve_version", APPROVE, [JSON.stringify(actor), namespace, name, version]);
}

/** Says that a version may not become active any more, or that it may again; false where there is no such version. */
export function deprecateVersion(
  database: Database,
  actor: Actor,
  { namespace, name, version }: VersionName,
  deprecated: boolean,
): Promise<boolean> {
  return ask(database, "deprecate_version", DEPRECATE, [JSON.stringify(actor), namespace, name, version, deprecated]);
}

/** Deletes a version that no step can need any more. */
export function deleteVersion(
  database: Database,
  actor: Actor,
  { namespace, name, version }: VersionName,
): Promise<DeleteVerdict> {
  return ask(database, "delete_version", DELETE, [JSON.stringify(actor), namespace, name, version]);
}

/** A leased step that nobody served at its claim. */
export interface UnservedStep {
  readonly stepUuid: string;
  readonly epoch: number;
  readonly callable: string;
}

/** The component that serves a step's callable by now, recorded with its lease; undefined where there is still none. */
export async function serveLate(
  database: Database,
  session: string,
  { stepUuid, epoch, callable }: UnservedStep,
): Promise<string | undefined> {
  const values = [session, stepUuid, epoch, callable];
  const [row] = await database.query<{ readonly digest: string | null }>("serve_late", SERVE_LATE, values);
  return row?.digest ?? undefined;
}

/** What served a callable of the namespace last, as `name@version`, active or not; undefined where nothing ever did. */
export async function lastServerOf(
  database: Database,
  namespace: string,
  callable: string,
): Promise<string | undefined> {
  const values = [namespace, callable];
  const [row] = await database.query<{ readonly server: string | null }>("last_server_of", LAST_SERVER_OF, values);
  return row?.server ?? undefined;
}

/** The one answer of a function that returns jsonb, which arrives as text, or a boolean. */
async function ask<T>(database: Database, name: string, sql: string, values: readonly unknown[]): Promise<T> {
  const [row] = await database.query<{ readonly answer: string | boolean }>(name, sql, values);
  const answer: unknown = typeof row?.answer === "string" ? JSON.parse(row.answer) : row?.answer;
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- our own SQL function wrote it; its header lists the verdicts
  return answer as T;
}
