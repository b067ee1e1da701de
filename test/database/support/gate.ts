import { rmSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { createServer, connect, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A door in front of a Postgres that can be shut and opened: what a server that goes away looks like to its clients. */
export interface Gate extends AsyncDisposable {
  /** Like the URL behind it. */
  readonly url: string;
  open(): Promise<void>;
  /** Cuts every connection, and lets nobody in. */
  shut(): Promise<void>;
}

/** A gate before the server of `url`, which must be reached over a unix socket. It is open. */
export async function gateBefore(url: string): Promise<Gate> {
  const behind = new URL(url);
  const target = join(behind.searchParams.get("host") ?? "", ".s.PGSQL.5432");
  const folder = await mkdtemp(join(tmpdir(), "gate-"));
  const sockets = new Set<Socket>();
  let server: Server | undefined;

  const open = async (): Promise<void> => {
    server = createServer((client) => {
      const upstream = connect(target);
      for (const [one, other] of [
        [client, upstream],
        [upstream, client],
      ] as const) {
        sockets.add(one);
        one.pipe(other);
        one.on("error", () => other.destroy());
        one.on("close", () => sockets.delete(one));
      }
    });
    await new Promise<void>((resolve) => server?.listen(join(folder, ".s.PGSQL.5432"), resolve));
  };
  const shut = async (): Promise<void> => {
    for (const socket of sockets) socket.destroy();
    await new Promise<void>((resolve) => {
      if (server === undefined) resolve();
      else server.close(() => resolve());
    });
    server = undefined;
  };

  await open();
  const through = new URL(url);
  through.searchParams.set("host", folder);
  return {
    url: through.href,
    open,
    shut,
    [Symbol.asyncDispose]: async () => {
      await shut();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
