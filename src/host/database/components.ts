import type { Database } from "./connection.ts";

/** Which prepared form of a component. */
export interface ArtifactKey {
  /** SHA-256 of the component's bytes, lowercase hex. */
  readonly digest: string;
  readonly preparerVersion: string;
  readonly fuelScheduleId: string;
}

export interface NewComponent extends ArtifactKey {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly imports: readonly string[];
  readonly exports: readonly string[];
  /** Names of grants that its imports need. */
  readonly capabilities: readonly string[];
  /** The prepared form. */
  readonly artifact: Uint8Array<ArrayBuffer>;
  readonly describeFuel: number;
}

const ARTIFACT_SHA256 = `
  select sha256 from tasker_host.artifacts
   where digest = $1 and preparer_version = $2 and fuel_schedule_id = $3`;
const LOAD_ARTIFACT = `
  select bytes from tasker_host.artifacts
   where digest = $1 and preparer_version = $2 and fuel_schedule_id = $3`;
const LOAD_COMPONENT = "select bytes from tasker_host.components where digest = $1";
const STORE = "select tasker_host.store_component($1, $2, $3, $4, $5, $6, $7, $8, $9)";
const UNPREPARED = `
  select distinct v.digest, v.active
    from tasker_host.handler_versions v
   where not exists (
     select from tasker_host.artifacts a
      where a.digest = v.digest and a.preparer_version = $1 and a.fuel_schedule_id = $2)
   order by v.active desc, v.digest`;

/** SHA-256 of the prepared form as it was stored; undefined where nobody stored it yet. */
export async function artifactSha256(database: Database, key: ArtifactKey): Promise<string | undefined> {
  const rows = await database.query<{ readonly sha256: string }>("artifact_sha256", ARTIFACT_SHA256, keyValues(key));
  return rows[0]?.sha256;
}

/** The prepared form as the database has it now; undefined where nobody stored it yet. */
export async function loadArtifact(database: Database, key: ArtifactKey): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const [row] = await database.query<{ readonly bytes: Buffer }>("load_artifact", LOAD_ARTIFACT, keyValues(key));
  return row === undefined ? undefined : bytesOf(row.bytes);
}

/** The component as it was uploaded; undefined where the digest is unknown. */
export async function loadComponent(database: Database, digest: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const [row] = await database.query<{ readonly bytes: Buffer }>("load_component", LOAD_COMPONENT, [digest]);
  return row === undefined ? undefined : bytesOf(row.bytes);
}

/** Stores component and prepared form; what is there already and whole stays as it is. */
export async function storeComponent(database: Database, component: NewComponent): Promise<void> {
  await database.query("store_component", STORE, [
    component.digest,
    asBuffer(component.bytes),
    component.imports,
    component.exports,
    component.capabilities,
    component.preparerVersion,
    component.fuelScheduleId,
    asBuffer(component.artifact),
    component.describeFuel,
  ]);
}

/** Digests of versions without a prepared form of this preparer and schedule, active ones first. */
export async function unpreparedDigests(
  database: Database,
  { preparerVersion, fuelScheduleId }: Omit<ArtifactKey, "digest">,
): Promise<readonly string[]> {
  const values = [preparerVersion, fuelScheduleId];
  const rows = await database.query<{ readonly digest: string }>("unprepared_digests", UNPREPARED, values);
  return [...new Set(rows.map(({ digest }) => digest))];
}

/** The same bytes for pg, without a copy. */
export function asBuffer(bytes: Uint8Array<ArrayBuffer>): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function bytesOf(buffer: Buffer): Uint8Array<ArrayBuffer> {
  return new Uint8Array(buffer);
}

function keyValues({ digest, preparerVersion, fuelScheduleId }: ArtifactKey): readonly string[] {
  return [digest, preparerVersion, fuelScheduleId];
}
