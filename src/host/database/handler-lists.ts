/** What is known of handlers: for lists, for the reviewer's questions, and for hosts that follow the registry. */
import type { Actor } from "../domain/actor.ts";
import type { Database } from "./connection.ts";
import type { VersionName } from "./handler-versions.ts";

/** A handler of a namespace and its active version. Times are UTC, ISO 8601. */
export interface HandlerSummary {
  readonly namespace: string;
  readonly name: string;
  readonly versions: number;
  readonly active: ActiveVersion | null;
}

export interface ActiveVersion {
  readonly version: string;
  readonly digest: string;
  readonly callables: readonly string[];
  /** What its imports need of the namespace's grants. */
  readonly capabilities: readonly string[];
  readonly activated_at: string;
}

/** A version with everything that a reviewer asks of it. */
export interface VersionFacts {
  readonly namespace: string;
  readonly name: string;
  readonly version: string;
  readonly digest: string;
  readonly active: boolean;
  readonly callables: readonly string[];
  readonly imports: readonly string[];
  readonly exports: readonly string[];
  readonly capabilities: readonly string[];
  readonly size_bytes: number;
  readonly has_source_map: boolean;
  readonly uploaded_at: string;
  readonly uploaded_by: Actor;
  readonly activated_at: string | null;
  readonly approved_at: string | null;
  readonly approved_by: Actor | null;
  readonly deprecated_at: string | null;
  /** Null also where that was not noted yet. */
  readonly deprecated_by: Actor | null;
  /** The prepared forms that there are; a host runs the one that fits it. */
  readonly prepared: readonly PreparedForm[];
}

export interface PreparedForm {
  readonly preparer_version: string;
  readonly fuel_schedule: string;
  /** What the dry run of `describe` cost. */
  readonly describe_fuel: number;
  readonly prepared_at: string;
}

/** One time that a version became active, or ceased to be without another one in its place. */
export interface Activation {
  readonly version: string;
  readonly digest: string;
  readonly reason: "promoted" | "rolled_back" | "deactivated";
  readonly activated_at: string;
  readonly activated_by: Actor;
  readonly replaced_version: string | null;
  readonly replaced_digest: string | null;
}

/** One attempt that a component ran. */
export interface RanStep {
  readonly step_uuid: string;
  /** Null where the step was pruned. */
  readonly step_name: string | null;
  readonly task_uuid: string;
  /** What ran. */
  readonly digest: string;
  readonly attempt: number;
  /** The nth lease of the step: an attempt that is handed over has more than one. */
  readonly epoch: number;
  readonly claimed_at: string;
  readonly ended_at: string | null;
  /** See `step_leases.ended_as`; null while it runs. */
  readonly ended_as: string | null;
  /** Of the result; null where the attempt left none, or its step was pruned. */
  readonly outcome: "complete" | "failed" | null;
}

/** Where a page of steps begins: behind this row. */
export interface StepsCursor {
  readonly claimedAt: string;
  readonly stepUuid: string;
  readonly epoch: number;
}

/** An active component: what a host fetches before a step asks for it. */
export interface ActiveComponent {
  readonly namespace: string;
  readonly name: string;
  readonly version: string;
  readonly digest: string;
  readonly callables: readonly string[];
  /** What its imports need of the namespace's grants. */
  readonly capabilities: readonly string[];
}

const ISO = `'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'`;

const HANDLERS = `
  select json_build_object(
           'namespace', v.namespace, 'name', v.name, 'versions', count(*),
           'active', (array_agg(json_build_object(
              'version', v.version, 'digest', v.digest, 'callables', v.callables, 'capabilities', c.capabilities,
              'activated_at', to_char(v.activated_at, ${ISO}))) filter (where v.active))[1])::text as answer
    from tasker_host.handler_versions v
    join tasker_host.components c on c.digest = v.digest
   where $1::text[] is null or v.namespace = any ($1)
   group by v.namespace, v.name
   order by v.namespace, v.name`;

const VERSIONS = `
  select json_build_object(
           'namespace', v.namespace, 'name', v.name, 'version', v.version, 'digest', v.digest, 'active', v.active,
           'callables', v.callables, 'imports', c.imports, 'exports', c.exports, 'capabilities', c.capabilities,
           'size_bytes', octet_length(c.bytes), 'has_source_map', v.source_map is not null,
           'uploaded_at', to_char(v.created_at, ${ISO}), 'uploaded_by', v.uploaded_by,
           'activated_at', to_char(v.activated_at, ${ISO}),
           'approved_at', to_char(v.approved_at, ${ISO}), 'approved_by', v.approved_by,
           'deprecated_at', to_char(v.deprecated_at, ${ISO}), 'deprecated_by', v.deprecated_by,
           'prepared', (
             select coalesce(json_agg(json_build_object(
                      'preparer_version', a.preparer_version, 'fuel_schedule', a.fuel_schedule_id,
                      'describe_fuel', a.describe_fuel, 'prepared_at', to_char(a.created_at, ${ISO}))
                      order by a.created_at), '[]')
               from tasker_host.artifacts a where a.digest = v.digest))::text as answer
    from tasker_host.handler_versions v
    join tasker_host.components c on c.digest = v.digest
   where v.namespace = $1 and v.name = $2 and ($3::text is null or v.version = $3)
   order by tasker_host.version_key(v.version) desc nulls last, v.version desc`;

const ACTIVATIONS = `
  select json_build_object(
           'version', a.version, 'digest', a.digest, 'reason', a.reason,
           'activated_at', to_char(a.activated_at, ${ISO}), 'activated_by', a.activated_by,
           'replaced_version', a.replaced_version, 'replaced_digest', a.replaced_digest)::text as answer
    from tasker_host.handler_activations a
   where a.namespace = $1 and a.name = $2
   order by a.activation_id desc
   limit 100`;

/** A page of each digest, by the index on digest and time, and of those the first. A result has the time of its lease's end. */
const STEPS = `
  with page as (
    select l.*
      from unnest($1::text[]) d (digest)
      cross join lateral (
        select l.*
          from tasker_host.step_leases l
         where l.digest = d.digest and l.namespace = $2
           and ($3::text is null or l.claimed_at <= $3::timestamp)
           and ($3::text is null or (l.claimed_at, l.workflow_step_uuid, l.epoch) < ($3::timestamp, $4::uuid, $5::int))
         order by l.claimed_at desc, l.workflow_step_uuid desc, l.epoch desc
         limit $6
      ) l
     order by l.claimed_at desc, l.workflow_step_uuid desc, l.epoch desc
     limit $6
  )
  select json_build_object(
           'step_uuid', l.workflow_step_uuid, 'step_name', n.name, 'task_uuid', l.task_uuid, 'digest', l.digest,
           'attempt', l.attempt, 'epoch', l.epoch, 'claimed_at', to_char(l.claimed_at, ${ISO}),
           'ended_at', to_char(l.ended_at, ${ISO}), 'ended_as', l.ended_as,
           'outcome', (
             select case t.to_state when 'enqueued_for_orchestration' then 'complete' else 'failed' end
               from tasker.workflow_step_transitions t
              where t.workflow_step_uuid = l.workflow_step_uuid and t.from_state = 'in_progress'
                and t.to_state in ('enqueued_for_orchestration', 'enqueued_as_error_for_orchestration')
                and t.created_at = l.ended_at
              limit 1))::text as answer
    from page l
    left join tasker.workflow_steps s on s.workflow_step_uuid = l.workflow_step_uuid
    left join tasker.named_steps n on n.named_step_uuid = s.named_step_uuid
   order by l.claimed_at desc, l.workflow_step_uuid desc, l.epoch desc`;

const DIGESTS = `
  select d.digest
    from tasker_host.version_digests d
   where d.namespace = $1 and d.name = $2 and d.version = $3
   order by d.binding_id desc`;

const ACTIVE = `
  select json_build_object('namespace', v.namespace, 'name', v.name, 'version', v.version, 'digest', v.digest,
                           'callables', v.callables, 'capabilities', c.capabilities)::text as answer
    from tasker_host.handler_versions v
    join tasker_host.components c on c.digest = v.digest
   where v.active
   order by v.namespace, v.name`;

const EVER_SERVED = `
  select distinct v.namespace from tasker_host.handler_versions v
   where exists (select from tasker_host.handler_activations a where a.namespace = v.namespace)
   order by v.namespace`;

const NAMED_BY = `
  select json_build_object('namespace', v.namespace, 'name', v.name, 'version', v.version)::text as answer
    from tasker_host.handler_versions v
   where v.digest = $1
   order by v.namespace, v.name`;

const SOURCE_MAP = "select source_map from tasker_host.handler_versions where namespace = $1 and digest = $2";

const CALLABLES = `
  select callable from tasker_host.active_callables where namespace = $1 order by callable`;

/** Handlers of the namespaces, by name; undefined: of all. */
export function listHandlers(
  database: Database,
  namespaces: readonly string[] | undefined,
): Promise<readonly HandlerSummary[]> {
  return list(database, "list_handlers", HANDLERS, [namespaces ?? null]);
}

/** Versions of a handler, highest first. */
export function listVersions(database: Database, namespace: string, name: string): Promise<readonly VersionFacts[]> {
  return list(database, "list_versions", VERSIONS, [namespace, name, null]);
}

/** One version; undefined where there is none. */
export async function readVersion(database: Database, name: VersionName): Promise<VersionFacts | undefined> {
  const values = [name.namespace, name.name, name.version];
  return (await list<VersionFacts>(database, "list_versions", VERSIONS, values))[0];
}

/** The last hundred activations of a handler, newest first. */
export function listActivations(database: Database, namespace: string, name: string): Promise<readonly Activation[]> {
  return list(database, "list_activations", ACTIVATIONS, [namespace, name]);
}

/**
 * The digests that a version has and ever had, the last one first; none where there never was such a version. More than one
 * where a developer's own host put other bytes in its place.
 */
export async function versionDigests(
  database: Database,
  { namespace, name, version }: VersionName,
): Promise<readonly string[]> {
  const values = [namespace, name, version];
  const rows = await database.query<{ readonly digest: string }>("version_digests", DIGESTS, values);
  return rows.map(({ digest }) => digest);
}

/** Attempts that the components ran in the namespace, newest first. */
export function listRanSteps(
  database: Database,
  { namespace, digests }: { readonly namespace: string; readonly digests: readonly string[] },
  after: StepsCursor | undefined,
  limit: number,
): Promise<readonly RanStep[]> {
  const cursor =
    after === undefined ? [null, null, null] : [after.claimedAt.replace(/Z$/, ""), after.stepUuid, after.epoch];
  return list(database, "list_ran_steps", STEPS, [digests, namespace, ...cursor, limit]);
}

/** The active component of every handler. */
export function activeComponents(database: Database): Promise<readonly ActiveComponent[]> {
  return list(database, "active_components", ACTIVE, []);
}

/** The namespaces of which a handler is active or ever was, sorted; without those whose versions were all deleted. */
export async function everServedNamespaces(database: Database): Promise<readonly string[]> {
  const rows = await database.query<{ readonly namespace: string }>("ever_served_namespaces", EVER_SERVED);
  return rows.map(({ namespace }) => namespace);
}

/** The versions whose component this is, in all namespaces. */
export function versionsOfDigest(database: Database, digest: string): Promise<readonly VersionName[]> {
  return list(database, "versions_of_digest", NAMED_BY, [digest]);
}

/** The source map that the namespace has of a component, where it has one. */
export async function loadSourceMap(
  database: Database,
  { namespace, digest }: { readonly namespace: string; readonly digest: string },
): Promise<string | undefined> {
  const values = [namespace, digest];
  const rows = await database.query<{ readonly source_map: string | null }>("load_source_map", SOURCE_MAP, values);
  return rows[0]?.source_map ?? undefined;
}

/** The callables that active components of the namespace serve, sorted. */
export async function activeCallables(database: Database, namespace: string): Promise<readonly string[]> {
  const rows = await database.query<{ readonly callable: string }>("active_callables", CALLABLES, [namespace]);
  return rows.map((row) => row.callable);
}

/** Rows of one column that holds a JSON object as text. */
async function list<T>(
  database: Database,
  name: string,
  sql: string,
  values: readonly unknown[],
): Promise<readonly T[]> {
  const rows = await database.query<{ readonly answer: string }>(name, sql, values);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the statements above build exactly these members
  return rows.map(({ answer }) => JSON.parse(answer) as T);
}
