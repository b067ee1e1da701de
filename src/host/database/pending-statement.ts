/** A statement that was sent and has no answer yet, and what pg knows of the session that it went over. */
import { Socket } from "node:net";
import type { PoolClient } from "pg";

/**
 * No session is taken for lost while a statement may be on its way: until it is whole, the server is idle. Slower networks
 * than this one have the statement's own time limit.
 */
const SLOWEST_BYTES_PER_MS = 256;

/** A statement on its way. */
export interface PendingStatement {
  readonly name: string;
  readonly text: string;
  readonly values: readonly unknown[];
  readonly sinceMs: number;
  /** The session that it was sent over; undefined while it waits for one. */
  client: PoolClient | undefined;
  /** When, and what had come over that session at the last look. */
  sentMs: number;
  bytesRead: number;
}

/** True where nothing came for the statement since the last look, and for so long nothing of it can have been on its way. */
export function isStill(statement: PendingStatement, silenceMs: number): boolean {
  const { client, values, sentMs, bytesRead } = statement;
  if (client === undefined) return false;
  statement.bytesRead = bytesReadOf(client);
  if (statement.bytesRead !== bytesRead) return false;
  return performance.now() - sentMs >= silenceMs + sizeOf(values) / SLOWEST_BYTES_PER_MS;
}

/** Of the texts among the values: whatever is large is text. */
function sizeOf(values: readonly unknown[]): number {
  let size = 0;
  for (const value of values) {
    if (typeof value === "string") size += value.length;
    else if (value instanceof Uint8Array) size += value.byteLength;
    else if (Array.isArray(value)) size += sizeOf(value);
  }
  return size;
}

/** What came over a session so far. */
export function bytesReadOf(client: PoolClient): number {
  const stream: unknown = Reflect.get(Object(Reflect.get(client, "connection")), "stream");
  return stream instanceof Socket ? stream.bytesRead : 0;
}

/** The server's process of a session, as it said when the session began; pg keeps it, its types do not. */
export function backendOf(client: PoolClient | undefined): number | undefined {
  const pid: unknown = client === undefined ? undefined : Reflect.get(client, "processID");
  return typeof pid === "number" ? pid : undefined;
}
