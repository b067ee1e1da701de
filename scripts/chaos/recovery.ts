import type { ClientBase } from "pg";
import type { Death } from "./host-slot.ts";
import { percentiles, type Percentiles } from "./percentiles.ts";

/**
 * How long steps waited for another host after theirs was gone, from the history of leases: from the signal to the next
 * lease of the step, or to its end where it could not run again. Steps whose result was on its way are not among them.
 */
export async function recoveryOf(client: ClientBase, deaths: readonly Death[]): Promise<Percentiles> {
  const { rows } = await client.query<{ readonly ms: number }>(
    `select extract(epoch from coalesce(next.claimed_at, l.ended_at) - d.died_at)::float8 * 1000 as ms
     from unnest($1::int[], $2::timestamp[], $3::timestamp[]) d (pid, started_at, died_at)
     join tasker_host.host_sessions s
       on s.process_id = d.pid and s.started_at between d.started_at and d.died_at
     join tasker_host.step_leases l
       on l.session_uuid = s.session_uuid and l.claimed_at <= d.died_at and l.ended_at > d.died_at
       and l.ended_as in ('taken_over', 'handed_over', 'exhausted')
     left join tasker_host.step_leases next
       on next.workflow_step_uuid = l.workflow_step_uuid and next.epoch = l.epoch + 1`,
    [
      deaths.map(({ pid }) => pid),
      deaths.map(({ startedMs }) => timestamp(startedMs)),
      deaths.map(({ atMs }) => timestamp(atMs)),
    ],
  );
  return percentiles(rows.map(({ ms }) => ms));
}

/** How long steps that these hosts offered when they were told to stop waited for the next one. */
export async function handOverOf(client: ClientBase, deaths: readonly Death[]): Promise<Percentiles> {
  const { rows } = await client.query<{ readonly ms: number }>(
    `select extract(epoch from l.ended_at - l.released_at)::float8 * 1000 as ms
     from unnest($1::int[], $2::timestamp[]) d (pid, started_at)
     join tasker_host.host_sessions s on s.process_id = d.pid and s.started_at >= d.started_at
     join tasker_host.step_leases l on l.session_uuid = s.session_uuid and l.ended_as = 'handed_over'`,
    [deaths.map(({ pid }) => pid), deaths.map(({ startedMs }) => timestamp(startedMs))],
  );
  return percentiles(rows.map(({ ms }) => ms));
}

/** From the moment when Postgres accepted connections again to the first claim after it, for each of these moments. */
export async function claimingAgain(client: ClientBase, returnedMs: readonly number[]): Promise<Percentiles> {
  const { rows } = await client.query<{ readonly ms: number | null }>(
    `select extract(epoch from (
       select min(l.claimed_at) from tasker_host.step_leases l where l.claimed_at >= r.at) - r.at)::float8 * 1000 as ms
     from unnest($1::timestamp[]) r (at)`,
    [returnedMs.map(timestamp)],
  );
  return percentiles(rows.map(({ ms }) => ms).filter((ms) => ms !== null));
}

/** As the database writes times: UTC without a zone. */
function timestamp(atMs: number): string {
  return new Date(atMs).toISOString().replace("Z", "");
}
