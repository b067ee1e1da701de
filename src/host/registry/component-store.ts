import { createHash } from "node:crypto";
import { isTaskerError, TaskerError } from "../../core/errors/index.ts";
import type { Logger } from "../../core/logger.ts";
import {
  type Artifact,
  decodeArtifact,
  encodeArtifact,
  FUEL_SCHEDULE_ID,
  prepareComponent,
  type PrepareLimits,
  PREPARER_VERSION,
} from "../../runtime/index.ts";
import {
  artifactSha256,
  loadArtifact,
  loadComponent,
  loadSourceMap,
  type NewComponent,
  storeComponent,
} from "../database/components.ts";
import type { Database } from "../database/connection.ts";
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
  readonly error: TaskerError;
}

export interface ComponentStoreOptions {
  readonly database: Database;
  readonly cache: ArtifactCache;
  readonly prepareLimits: PrepareLimits;
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
  readonly #loaded: BoundedMap<string, Promise<LoadedComponent>>;
  readonly #refused = new Map<string, TaskerError>();
  readonly #line: WaitingLine;

  constructor(options: ComponentStoreOptions) {
    this.#options = options;
    this.#loaded = new BoundedMap(options.maxLoaded);
    this.#line = new WaitingLine({ maxActive: options.maxPreparing, maxWaiting: Infinity });
  }

  /** Components whose last load was refused: damaged, or not acceptable to this host's preparer. */
  get refused(): readonly RefusedComponent[] {
    return [...this.#refused].map(([digest, error]) => ({ digest, error }));
  }

  /**
   * The component with this digest.
   * @throws TSK_COMPONENT_UNKNOWN where the database does not have it, TSK_COMPONENT_ARTIFACT_CORRUPT where what it has is not
   * what was stored. A load that failed is tried again by the next step that needs it.
   */
  load(digest: string): Promise<LoadedComponent> {
    const known = this.#loaded.get(digest);
    if (known !== undefined) return known;
    const loading = this.#load(digest);
    this.#loaded.set(digest, loading);
    loading.then(
      () => this.#refused.delete(digest),
      (error: unknown) => {
        this.#loaded.delete(digest);
        if (isTaskerError(error) && error.code.startsWith("TSK_COMPONENT_")) this.#refused.set(digest, error);
      },
    );
    return loading;
  }

  /** Forgets what is known of a digest: the next load begins at its beginnings. */
  forget(digest: string): void {
    this.#loaded.delete(digest);
    this.#refused.delete(digest);
  }

  /**
   * The prepared form of an upload, from the database where somebody stored it, else made now. Nothing is stored yet.
   * @throws TSK_COMPONENT_… where the gate refuses it.
   */
  async prepare(bytes: Uint8Array<ArrayBuffer>): Promise<{ readonly artifact: Artifact; readonly prepared: boolean }> {
    const digest = sha256Of(bytes);
    const stored = await this.#loadArtifact(digest).catch((error: unknown) => {
      // A damaged one is made again, and replaced.
      if (isTaskerError(error, "TSK_COMPONENT_ARTIFACT_CORRUPT")) return undefined;
      throw error;
    });
    if (stored !== undefined) return { artifact: stored, prepared: false };
    const artifact = await this.#line.run(`Cannot prepare component ${digest}`, () =>
      prepareComponent(bytes, this.#options.prepareLimits),
    );
    this.#options.logger.debug({ digest, name: artifact.manifest.name }, "component prepared");
    return { artifact, prepared: true };
  }

  /** Makes the form that this host runs, from the stored bytes, where nobody has made it yet. */
  async prepareAgain(digest: string): Promise<void> {
    const key = { digest, preparerVersion: PREPARER_VERSION, fuelScheduleId: FUEL_SCHEDULE_ID };
    if ((await artifactSha256(this.#options.database, key)) !== undefined) return;
    await this.load(digest);
  }

  async #load(digest: string): Promise<LoadedComponent> {
    const artifact = await this.#loadArtifact(digest);
    if (artifact === undefined) return this.#prepareStored(digest);
    return { artifact, sourceMap: await loadSourceMap(this.#options.database, digest) };
  }

  /** What the database says the artifact's bytes are, from wherever they are nearest. */
  async #loadArtifact(digest: string): Promise<Artifact | undefined> {
    const { database, cache } = this.#options;
    const key = { digest, preparerVersion: PREPARER_VERSION, fuelScheduleId: FUEL_SCHEDULE_ID };
    const sha256 = await artifactSha256(database, key);
    if (sha256 === undefined) return undefined;
    const cached = await cache.read(sha256);
    if (cached !== undefined) return decodedAs(digest, cached);
    const bytes = await loadArtifact(database, key);
    if (bytes === undefined) return undefined;
    if (sha256Of(bytes) !== sha256) corrupt(digest, "its prepared form has another digest than when it was stored");
    const artifact = decodedAs(digest, bytes);
    await cache.write(sha256, bytes);
    return artifact;
  }

  async #prepareStored(digest: string): Promise<LoadedComponent> {
    const { database, prepareLimits } = this.#options;
    const component = await loadComponent(database, digest);
    if (component === undefined) {
      throw new TaskerError("TSK_COMPONENT_UNKNOWN", {
        attempted: `Cannot load component ${digest}`,
        found: "the database has no component with this digest",
      });
    }
    const { bytes, sourceMap } = component;
    if (sha256Of(bytes) !== digest) corrupt(digest, "its stored bytes have another digest");
    const artifact = await this.#line.run(`Cannot prepare component ${digest}`, () =>
      prepareComponent(bytes, prepareLimits),
    );
    await storeComponent(database, newComponent(artifact, bytes, sourceMap));
    return { artifact, sourceMap };
  }
}

/** A component as the database stores it. */
export function newComponent(
  artifact: Artifact,
  bytes: Uint8Array<ArrayBuffer>,
  sourceMap: string | undefined,
): NewComponent {
  return {
    digest: artifact.digest,
    preparerVersion: artifact.preparerVersion,
    fuelScheduleId: artifact.fuelScheduleId,
    bytes,
    sourceMap,
    imports: artifact.imports,
    exports: artifact.exports,
    capabilities: capabilitiesOf(artifact.imports),
    artifact: encodeArtifact(artifact),
    describeFuel: artifact.describeFuel,
  };
}

/** The artifact in the bytes, if it is the one of this component and for this host. */
function decodedAs(digest: string, bytes: Uint8Array): Artifact {
  const artifact = decodeArtifact(bytes);
  if (artifact.digest !== digest) corrupt(digest, `its prepared form is that of component ${artifact.digest}`);
  if (artifact.preparerVersion !== PREPARER_VERSION || artifact.fuelScheduleId !== FUEL_SCHEDULE_ID) {
    corrupt(digest, `its prepared form is for preparer ${artifact.preparerVersion}, ${artifact.fuelScheduleId}`);
  }
  return artifact;
}

function corrupt(digest: string, found: string): never {
  throw new TaskerError("TSK_COMPONENT_ARTIFACT_CORRUPT", { attempted: `Cannot load component ${digest}`, found });
}

function sha256Of(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
