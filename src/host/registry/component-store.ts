import { createHash } from "node:crypto";
import { isTaskerError, TaskerError } from "../../core/errors/index.ts";
import type { Logger } from "../../core/logger.ts";
import { type Artifact, decodeArtifact, encodeArtifact } from "../../runtime/index.ts";
import {
  type ArtifactKey,
  artifactSha256,
  loadArtifact,
  loadComponent,
  type NewComponent,
  storeComponent,
  unpreparedDigests,
} from "../database/components.ts";
import type { Database } from "../database/connection.ts";
import { loadSourceMap, versionsOfDigest } from "../database/handler-lists.ts";
import type { VersionName } from "../database/handler-versions.ts";
import { capabilitiesOf } from "../domain/capabilities.ts";
import type { ArtifactCache } from "./artifact-cache.ts";
import { BoundedMap } from "./bounded-map.ts";
import { WaitingLine } from "./waiting-line.ts";

/** A component ready to run, and what helps to explain its failures. */
export interface LoadedComponent {
  readonly artifact: Artifact;
  readonly sourceMap: string | undefined;
}

/** A stored component that this host will not run. */
export interface RefusedComponent {
  readonly digest: string;
  /** What it is called, in all namespaces that have it; empty where that could not be asked. */
  readonly versions: readonly VersionName[];
  readonly error: TaskerError;
}

/** The prepared form of bytes that were brought along. */
export interface PreparedUpload {
  readonly artifact: Artifact;
  /** False where the database had it already. */
  readonly prepared: boolean;
  /** The database has one that is wrong. */
  readonly replaceArtifact: boolean;
}

/** Which prepared forms a host runs, and how it makes them: hosts of two versions on one database have two. */
export interface Preparer extends Omit<ArtifactKey, "digest"> {
  /** @throws TSK_COMPONENT_… where the gate refuses the component. */
  readonly prepare: (bytes: Uint8Array<ArrayBuffer>) => Promise<Artifact>;
}

export interface ComponentStoreOptions {
  readonly database: Database;
  readonly cache: ArtifactCache;
  readonly preparer: Preparer;
  /** Components that are kept in memory. */
  readonly maxLoaded: number;
  /** Components that are prepared at once; others wait. */
  readonly maxPreparing: number;
  readonly logger: Logger;
}

/**
 * Prepared components by digest: from memory, from this machine's disk, from the database, or prepared from the bytes that
 * were uploaded. Whatever it comes from, it is run only if its digests are right.
 */
export class ComponentStore {
  readonly #options: ComponentStoreOptions;
  /** Promises, so that ten steps of one digest load it once. */
  readonly #loaded: BoundedMap<string, Promise<Artifact>>;
  /** By namespace and digest. */
  readonly #sourceMaps: BoundedMap<string, Promise<string | undefined>>;
  /** Those of the same keys that have none so far. */
  #unmapped: BoundedMap<string, true>;
  readonly #refused = new Map<string, RefusedComponent>();
  readonly #line: WaitingLine;

  constructor(options: ComponentStoreOptions) {
    this.#options = options;
    this.#loaded = new BoundedMap(options.maxLoaded);
    this.#sourceMaps = new BoundedMap(options.maxLoaded);
    this.#unmapped = new BoundedMap(options.maxLoaded);
    this.#line = new WaitingLine({ maxActive: options.maxPreparing, maxWaiting: Infinity });
  }

  /** Components whose last load was refused: damaged, or not acceptable to this host's preparer. */
  get refused(): readonly RefusedComponent[] {
    return [...this.#refused.values()];
  }

  /** The component with this digest and its source map, if the namespace has one. @throws see `artifact` */
  async load(namespace: string, digest: string): Promise<LoadedComponent> {
    const [artifact, sourceMap] = await Promise.all([this.artifact(digest), this.#sourceMap(namespace, digest)]);
    return { artifact, sourceMap };
  }

  /**
   * The component with this digest.
   * @throws TSK_COMPONENT_UNKNOWN where the database does not have it, TSK_COMPONENT_ARTIFACT_CORRUPT where what it has is not
   * what was stored. A load that failed is tried again by the next step that needs it.
   */
  artifact(digest: string): Promise<Artifact> {
    const known = this.#loaded.get(digest);
    if (known !== undefined) return known;
    const loading = this.#load(digest).catch(async (error: unknown) => {
      this.#loaded.delete(digest);
      await this.#noteRefusal(digest, error);
      throw error;
    });
    this.#loaded.set(digest, loading);
    loading.then(
      () => this.#refused.delete(digest),
      () => undefined,
    );
    return loading;
  }

  /** Forgets what is known of a component: the next load begins at its beginnings. */
  forget(namespace: string, digest: string): void {
    this.#loaded.delete(digest);
    this.#refused.delete(digest);
    this.#unmapped.delete(keyOf(namespace, digest));
  }

  /** Asks again what was missing or refused so far: somebody may have brought it along. Never rejects. */
  async lookAgain(): Promise<void> {
    this.#unmapped = new BoundedMap(this.#options.maxLoaded);
    for (const digest of this.#refused.keys()) {
      const versions = await versionsOfDigest(this.#options.database, digest).catch(() => undefined);
      // What was deleted is nobody's problem any more.
      if (versions?.length === 0) this.#refused.delete(digest);
      else await this.artifact(digest).catch(() => undefined);
    }
  }

  /**
   * The prepared form of an upload, from the database where somebody stored it, else made now. Nothing is stored yet.
   * @throws TSK_COMPONENT_… where the gate refuses it.
   */
  async prepare(bytes: Uint8Array<ArrayBuffer>): Promise<PreparedUpload> {
    const digest = sha256Of(bytes);
    let replaceArtifact = false;
    const stored = await this.#loadArtifact(digest).catch((error: unknown) => {
      // One that is damaged, or that of another component, is made again and replaced.
      replaceArtifact = isTaskerError(error, "TSK_COMPONENT_ARTIFACT_CORRUPT");
      if (replaceArtifact) return undefined;
      throw error;
    });
    if (stored !== undefined) return { artifact: stored, prepared: false, replaceArtifact };
    const artifact = await this.#prepare(digest, bytes);
    this.#options.logger.debug({ digest, name: artifact.manifest.name }, "component prepared");
    return { artifact, prepared: true, replaceArtifact };
  }

  /** Stored components without the form that this host runs, active ones first. */
  unprepared(): Promise<readonly string[]> {
    return unpreparedDigests(this.#options.database, this.#options.preparer);
  }

  /** Makes the form that this host runs, from the stored bytes, where nobody has made it yet. */
  async prepareAgain(digest: string): Promise<void> {
    if ((await artifactSha256(this.#options.database, this.#key(digest))) !== undefined) return;
    await this.artifact(digest);
  }

  async #load(digest: string): Promise<Artifact> {
    return (await this.#loadArtifact(digest)) ?? this.#prepareStored(digest);
  }

  #sourceMap(namespace: string, digest: string): Promise<string | undefined> {
    const key = keyOf(namespace, digest);
    if (this.#unmapped.get(key)) return Promise.resolve(undefined);
    const known = this.#sourceMaps.get(key);
    if (known !== undefined) return known;
    const loading = this.#loadSourceMap(namespace, digest);
    this.#sourceMaps.set(key, loading);
    return loading;
  }

  async #loadSourceMap(namespace: string, digest: string): Promise<string | undefined> {
    const key = keyOf(namespace, digest);
    try {
      const sourceMap = await loadSourceMap(this.#options.database, { namespace, digest });
      if (sourceMap !== undefined) return sourceMap;
      this.#unmapped.set(key, true);
    } catch (error) {
      this.#sourceMaps.delete(key);
      throw error;
    }
    this.#sourceMaps.delete(key);
    return undefined;
  }

  async #noteRefusal(digest: string, error: unknown): Promise<void> {
    if (!isTaskerError(error) || !error.code.startsWith("TSK_COMPONENT_")) return;
    const versions = await versionsOfDigest(this.#options.database, digest).catch(() => []);
    this.#refused.set(digest, { digest, versions, error });
  }

  /** What the database says the artifact's bytes are, from wherever they are nearest. */
  async #loadArtifact(digest: string): Promise<Artifact | undefined> {
    const { database, cache, preparer } = this.#options;
    const key = this.#key(digest);
    const sha256 = await artifactSha256(database, key);
    if (sha256 === undefined) return undefined;
    const cached = await cache.read(sha256);
    if (cached !== undefined) return decodedAs(digest, preparer, cached);
    const bytes = await loadArtifact(database, key);
    if (bytes === undefined) return undefined;
    if (sha256Of(bytes) !== sha256) corrupt(digest, "its prepared form has another digest than when it was stored");
    const artifact = decodedAs(digest, preparer, bytes);
    await cache.write(sha256, bytes);
    return artifact;
  }

  #prepare(digest: string, bytes: Uint8Array<ArrayBuffer>): Promise<Artifact> {
    const { preparer } = this.#options;
    return this.#line.run(`Cannot prepare component ${digest}`, () => preparer.prepare(bytes));
  }

  #key(digest: string): ArtifactKey {
    const { preparerVersion, fuelScheduleId } = this.#options.preparer;
    return { digest, preparerVersion, fuelScheduleId };
  }

  async #prepareStored(digest: string): Promise<Artifact> {
    const { database } = this.#options;
    const bytes = await loadComponent(database, digest);
    if (bytes === undefined) {
      throw new TaskerError("TSK_COMPONENT_UNKNOWN", {
        attempted: `Cannot load component ${digest}`,
        found: "the database has no component with this digest",
      });
    }
    if (sha256Of(bytes) !== digest) corrupt(digest, "its stored bytes have another digest");
    const artifact = await this.#prepare(digest, bytes);
    await storeComponent(database, newComponent(artifact, bytes));
    return artifact;
  }
}

/** A component as the database stores it. */
export function newComponent(artifact: Artifact, bytes: Uint8Array<ArrayBuffer>): NewComponent {
  return {
    digest: artifact.digest,
    preparerVersion: artifact.preparerVersion,
    fuelScheduleId: artifact.fuelScheduleId,
    bytes,
    imports: artifact.imports,
    exports: artifact.exports,
    capabilities: capabilitiesOf(artifact.imports),
    artifact: encodeArtifact(artifact),
    describeFuel: artifact.describeFuel,
  };
}

/** The artifact in the bytes, if it is the one of this component and for this host. */
function decodedAs(digest: string, { preparerVersion, fuelScheduleId }: Preparer, bytes: Uint8Array): Artifact {
  const artifact = decodeArtifact(bytes);
  if (artifact.digest !== digest) corrupt(digest, `its prepared form is that of component ${artifact.digest}`);
  if (artifact.preparerVersion !== preparerVersion || artifact.fuelScheduleId !== fuelScheduleId) {
    corrupt(digest, `its prepared form is for preparer ${artifact.preparerVersion}, ${artifact.fuelScheduleId}`);
  }
  return artifact;
}

function corrupt(digest: string, found: string): never {
  throw new TaskerError("TSK_COMPONENT_ARTIFACT_CORRUPT", { attempted: `Cannot load component ${digest}`, found });
}

function keyOf(namespace: string, digest: string): string {
  return `${namespace}/${digest}`;
}

function sha256Of(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
