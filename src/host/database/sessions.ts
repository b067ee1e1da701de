import type { Database } from "./connection.ts";

const OPEN = "select tasker_host.open_session($1, $2, $3, $4, $5)";
const HEARTBEAT = "select tasker_host.heartbeat($1) as live";
const CLOSE = "select tasker_host.close_session($1)";

export interface NewSession {
  readonly session: string;
  readonly hostName: string;
  readonly processId: number;
  readonly hostVersion: string;
  /** A session without a heartbeat for this long is dead. */
  readonly leaseMs: number;
}

export async function openSession(database: Database, session: NewSession): Promise<void> {
  const values = [session.session, session.hostName, session.processId, session.hostVersion, session.leaseMs];
  await database.query("open_session", OPEN, values);
}

/** Renews all leases of the session. False where it was declared dead or closed: open a new one. */
export async function heartbeat(database: Database, session: string): Promise<boolean> {
  const [row] = await database.query<{ readonly live: boolean }>("heartbeat", HEARTBEAT, [session]);
  return row?.live ?? false;
}

/** Ends the session. Leases that it still holds are offered to other hosts at once. */
export async function closeSession(database: Database, session: string): Promise<void> {
  await database.query("close_session", CLOSE, [session]);
}
