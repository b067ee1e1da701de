import { createHash, randomUUID } from "node:crypto";
import { chmod, mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../../core/clock.ts";
import type { Logger } from "../../core/logger.ts";

export interface ArtifactCacheOptions {
  /** Made where it is missing, for its owner alone. */
  readonly folder: string;
  /** What all files may hold together; the ones read longest ago go first. */
  readonly maxBytes: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

const FILE_NAME = /^[0-9a-f]{64}$/;
const HALF_WRITTEN = /^[0-9a-f-]{36}\.tmp$/;
/** What is not done by then belongs to a host that was ended while it wrote. */
const ABANDONED_MS = 3_600_000;

/**
 * Prepared components on this machine's disk, each in a file named by the SHA-256 of what is in it. A file that holds
 * anything else is deleted when it is read. The cache may be deleted at any time, and a disk that is full or read-only costs
 * nothing but time: then every read misses.
 */
export class ArtifactCache {
  readonly #options: ArtifactCacheOptions;

  constructor(options: ArtifactCacheOptions) {
    this.#options = options;
  }

  /** The bytes with this SHA-256; undefined where the disk does not have them. */
  async read(sha256: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const { clock, logger } = this.#options;
    const path = this.#path(sha256);
    const bytes = await readFile(path).catch(() => undefined);
    if (bytes === undefined) return undefined;
    if (createHash("sha256").update(bytes).digest("hex") !== sha256) {
      logger.warn({ path }, "cached artifact is not what was cached, deleting it");
      await rm(path, { force: true }).catch(() => undefined);
      return undefined;
    }
    const now = new Date(clock.now());
    await utimes(path, now, now).catch(() => undefined);
    return new Uint8Array(bytes);
  }

  /** Keeps the bytes, and makes room for them. Never rejects. */
  async write(sha256: string, bytes: Uint8Array): Promise<void> {
    const { folder, maxBytes, logger } = this.#options;
    if (bytes.length > maxBytes) return;
    const temporary = join(folder, `${randomUUID()}.tmp`);
    try {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      await chmod(folder, 0o700);
      await writeFile(temporary, bytes, { mode: 0o600 });
      await rename(temporary, this.#path(sha256));
      await this.#makeRoom();
    } catch (error) {
      logger.debug({ err: error, folder }, "artifact not cached");
      await rm(temporary, { force: true }).catch(() => undefined);
    }
  }

  async #makeRoom(): Promise<void> {
    const { folder, maxBytes, clock } = this.#options;
    const names = await readdir(folder);
    const halfWritten = await Promise.all(
      names.filter((name) => HALF_WRITTEN.test(name)).map((name) => this.#use(name)),
    );
    for (const { path, usedMs } of halfWritten) {
      if (usedMs < clock.now() - ABANDONED_MS) await rm(path, { force: true });
    }
    const files = await Promise.all(names.filter((name) => FILE_NAME.test(name)).map((name) => this.#use(name)));
    let total = files.reduce((sum, { size }) => sum + size, 0);
    for (const { path, size } of files.toSorted((one, other) => one.usedMs - other.usedMs)) {
      if (total <= maxBytes) return;
      await rm(path, { force: true });
      total -= size;
    }
  }

  async #use(name: string): Promise<{ readonly path: string; readonly size: number; readonly usedMs: number }> {
    const path = join(this.#options.folder, name);
    // Another host with the same folder may have deleted it meanwhile.
    const found = await stat(path).catch(() => undefined);
    return { path, size: found?.size ?? 0, usedMs: found?.mtimeMs ?? 0 };
  }

  #path(sha256: string): string {
    return join(this.#options.folder, sha256);
  }
}
