import pg from "pg";
import type { Clock } from "../../core/clock.ts";
import type { Logger } from "../../core/logger.ts";

/** How often a quiet listener asks whether anybody is there. */
const LISTENER_PING_MS = 15_000;

/** How often it tries to reconnect, in milliseconds; the last one repeats. */
const RECONNECT_WAITS_MS = [50, 250, 1_000, 2_000];

export interface ListenerOptions {
  /** What is called for a NOTIFY, by channel. */
  readonly channels: Readonly<Record<string, (payload: string) => void>>;
  /** Follows each (re)connection: whatever came in between was missed. */
  readonly onConnect: () => void;
  readonly config: pg.ClientConfig;
  /** Ends it for good. */
  readonly stopped: AbortSignal;
  /** Of the moment: ends the wait between two tries, because the database answers again. */
  readonly answersAgain: () => AbortSignal;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Listens over one session of its own that reconnects by itself, until it is stopped. */
export async function listenUntilStopped(options: ListenerOptions): Promise<void> {
  const { clock, logger, stopped, answersAgain } = options;
  for (let failures = 0; !stopped.aborted; failures += 1) {
    try {
      await listenOnce(options, () => {
        failures = 0;
        options.onConnect();
      });
    } catch (error) {
      logger.debug({ err: error }, "listener session broke");
    }
    const waitMs = RECONNECT_WAITS_MS[Math.min(failures, RECONNECT_WAITS_MS.length - 1)] ?? 1_000;
    await clock.wait(waitMs, AbortSignal.any([stopped, answersAgain()]));
  }
}

/** One listening session, until it breaks or the listener is stopped. */
async function listenOnce({ channels, config, stopped, clock }: ListenerOptions, onConnect: () => void): Promise<void> {
  const client = new pg.Client(config);
  const ended = Promise.withResolvers<void>();
  ended.promise.catch(() => undefined); // It may break before anybody waits for it.
  client.on("error", (error) => ended.reject(error));
  client.on("end", () => ended.resolve());
  client.on("notification", ({ channel, payload = "" }) => channels[channel]?.(payload));
  const over = new AbortController();
  const stop = (): void => ended.resolve();
  stopped.addEventListener("abort", stop, { once: true });
  try {
    await client.connect();
    const names = Object.keys(channels).map((channel) => client.escapeIdentifier(channel));
    await client.query(names.map((name) => `listen ${name}`).join("; "));
    onConnect();
    if (stopped.aborted) stop();
    void keepAsking(client, clock, over.signal).catch((error: unknown) => ended.reject(error));
    await ended.promise;
  } finally {
    over.abort();
    stopped.removeEventListener("abort", stop);
    await client.end().catch(() => undefined);
  }
}

/** A listener sends nothing: without this it would wait for ever on a connection whose other end is gone without a word. */
async function keepAsking(client: pg.Client, clock: Clock, signal: AbortSignal): Promise<void> {
  for (;;) {
    await clock.wait(LISTENER_PING_MS, signal);
    if (signal.aborted) return;
    await client.query("select 'listening'");
  }
}
