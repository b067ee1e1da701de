import type { Database } from "./connection.ts";

/** Which prepared form of a component. */
export interface ArtifactKey {
  /** SHA-256 of the component's bytes, lowercase hex. */
  readonly digest: string;
  readonly preparerVersion: string;
  readonly fuelScheduleId: string;
}

export interface StoredComponent {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly sourceMap: string | undefined;
}

export interface NewComponent extends ArtifactKey {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly sourceMap: string | undefined;
  readonly imports: readonly string[];
  readonly exports: readonly string[];
  /** The prepared form. */
  readonly artifact: Uint8Array<ArrayBuffer>;
  readonly describeFuel: number;
}

export interface Activation {
  readonly namespace: string;
  readonly name: string;
  readonly version: string;
  readonly digest: string;
  readonly callables: readonly string[];
}

/** A callable that another active component of the namespace serves. */
export interface CallableConflict {
  readonly callable: string;
  /** `name@version` of that component. */
  readonly heldBy: string;
}

const LOAD_ARTIFACT = `
  select bytes from tasker_host.artifacts
   where digest = $1 and preparer_version = $2 and fuel_schedule_id = $3`;
const LOAD_COMPONENT = "select bytes, source_map from tasker_host.components where digest = $1";
const STORE = "select tasker_host.store_component($1, $2, $3, $4, $5, $6, $7, $8, $9)";
const ACTIVATE = "select * from tasker_host.activate_handler($1, $2, $3, $4, $5)";
const CALLABLES = `
  select callable from tasker_host.active_callables where namespace = $1 order by callable`;

/** The prepared form; undefined where nobody stored it yet. */
export async function loadArtifact(database: Database, key: ArtifactKey): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const values = [key.digest, key.preparerVersion, key.fuelScheduleId];
  const [row] = await database.query<{ readonly bytes: Buffer }>("load_artifact", LOAD_ARTIFACT, values);
  return row === undefined ? undefined : bytesOf(row.bytes);
}

/** The component as it was uploaded; undefined where the digest is unknown. */
export async function loadComponent(database: Database, digest: string): Promise<StoredComponent | undefined> {
  const [row] = await database.query<{ readonly bytes: Buffer; readonly source_map: string | null }>(
    "load_component",
    LOAD_COMPONENT,
    [digest],
  );
  return row === undefined ? undefined : { bytes: bytesOf(row.bytes), sourceMap: row.source_map ?? undefined };
}

/** Stores component and prepared form; what is there already stays as it is. */
export async function storeComponent(database: Database, component: NewComponent): Promise<void> {
  await database.query("store_component", STORE, [
    component.digest,
    Buffer.from(component.bytes.buffer, component.bytes.byteOffset, component.bytes.byteLength),
    component.sourceMap ?? null,
    component.imports,
    component.exports,
    component.preparerVersion,
    component.fuelScheduleId,
    Buffer.from(component.artifact.buffer, component.artifact.byteOffset, component.artifact.byteLength),
    component.describeFuel,
  ]);
}

/**
 * Makes the digest the active version of `name` in the namespace. Where another active component serves one of the
 * callables nothing changes, and the conflicts are returned.
 */
export async function activateHandler(
  database: Database,
  activation: Activation,
): Promise<readonly CallableConflict[]> {
  const { namespace, name, version, digest, callables } = activation;
  const rows = await database.query<{ readonly callable: string; readonly held_by: string }>(
    "activate_handler",
    ACTIVATE,
    [namespace, name, version, digest, callables],
  );
  return rows.map((row) => ({ callable: row.callable, heldBy: row.held_by }));
}

/** The callables that active components of the namespace serve, sorted. */
export async function activeCallables(database: Database, namespace: string): Promise<readonly string[]> {
  const rows = await database.query<{ readonly callable: string }>("active_callables", CALLABLES, [namespace]);
  return rows.map((row) => row.callable);
}

function bytesOf(buffer: Buffer): Uint8Array<ArrayBuffer> {
  return new Uint8Array(buffer);
}
