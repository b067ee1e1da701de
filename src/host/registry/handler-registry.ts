import { createHash } from "node:crypto";
import { TaskerError } from "../../core/errors/index.ts";
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
  activateHandler,
  activeCallables,
  loadArtifact,
  loadComponent,
  storeComponent,
} from "../database/components.ts";
import type { Database } from "../database/connection.ts";

/** A component ready to run, and what helps to explain its failures. */
export interface LoadedComponent {
  readonly artifact: Artifact;
  readonly sourceMap: string | undefined;
}

export interface ComponentFacts {
  readonly digest: string;
  readonly version: string;
  readonly fuelScheduleId: string;
}

/** A component as it became known to a namespace. */
export interface RegisteredComponent {
  readonly namespace: string;
  readonly artifact: Artifact;
  readonly sizeBytes: number;
  /** False where the database had the artifact already. */
  readonly prepared: boolean;
}

export interface HandlerRegistryOptions {
  readonly database: Database;
  readonly prepareLimits: PrepareLimits;
  readonly logger: Logger;
}

/** Which component serves which callable, and the prepared artifacts behind the digests. */
export class HandlerRegistry {
  readonly #options: HandlerRegistryOptions;
  /** Every digest that this host has run; promises, so that ten steps of one digest load it once. */
  readonly #loaded = new Map<string, Promise<LoadedComponent>>();

  constructor(options: HandlerRegistryOptions) {
    this.#options = options;
  }

  /**
   * Makes a component known and active in a namespace: prepared at most once per digest, whoever registers it.
   * @throws TSK_COMPONENT_… where the gate refuses it; TSK_COMPONENT_CALLABLE_TAKEN where another component serves one of its callables.
   */
  async register(
    namespace: string,
    bytes: Uint8Array<ArrayBuffer>,
    sourceMap: string | undefined,
  ): Promise<RegisteredComponent> {
    const digest = createHash("sha256").update(bytes).digest("hex");
    const stored = await this.#loadStored(digest);
    const artifact = stored ?? (await this.#prepare(bytes, sourceMap));
    await this.#activate(namespace, artifact);
    this.#loaded.set(digest, Promise.resolve({ artifact, sourceMap }));
    return { namespace, artifact, sizeBytes: bytes.length, prepared: stored === undefined };
  }

  /**
   * The component with this digest: from memory, else from the database, else prepared again from its stored bytes.
   * @throws TSK_COMPONENT_UNKNOWN where the database does not have it.
   */
  load(digest: string): Promise<LoadedComponent> {
    const known = this.#loaded.get(digest);
    if (known !== undefined) return known;
    const loading = this.#loadFromStore(digest);
    this.#loaded.set(digest, loading);
    // A failed load is tried again by the next step that needs it.
    loading.catch(() => this.#loaded.delete(digest));
    return loading;
  }

  /** What a step's result says of the component that ran it; undefined for a native handler. */
  async facts(digest: string | undefined): Promise<ComponentFacts | undefined> {
    if (digest === undefined) return undefined;
    const { artifact } = await this.load(digest);
    return { digest, version: artifact.manifest.version, fuelScheduleId: artifact.fuelScheduleId };
  }

  activeCallables(namespace: string): Promise<readonly string[]> {
    return activeCallables(this.#options.database, namespace);
  }

  async #loadStored(digest: string): Promise<Artifact | undefined> {
    const bytes = await loadArtifact(this.#options.database, {
      digest,
      preparerVersion: PREPARER_VERSION,
      fuelScheduleId: FUEL_SCHEDULE_ID,
    });
    return bytes === undefined ? undefined : decodeArtifact(bytes);
  }

  async #loadFromStore(digest: string): Promise<LoadedComponent> {
    const component = await loadComponent(this.#options.database, digest);
    if (component === undefined) {
      throw new TaskerError("TSK_COMPONENT_UNKNOWN", {
        attempted: `Cannot load component ${digest}`,
        found: "the database has no component with this digest",
      });
    }
    const artifact = (await this.#loadStored(digest)) ?? (await this.#prepare(component.bytes, component.sourceMap));
    return { artifact, sourceMap: component.sourceMap };
  }

  async #prepare(bytes: Uint8Array<ArrayBuffer>, sourceMap: string | undefined): Promise<Artifact> {
    const artifact = await prepareComponent(bytes, this.#options.prepareLimits);
    await storeComponent(this.#options.database, {
      digest: artifact.digest,
      preparerVersion: artifact.preparerVersion,
      fuelScheduleId: artifact.fuelScheduleId,
      bytes,
      sourceMap,
      imports: artifact.imports,
      exports: artifact.exports,
      artifact: encodeArtifact(artifact),
      describeFuel: artifact.describeFuel,
    });
    this.#options.logger.debug({ digest: artifact.digest, name: artifact.manifest.name }, "component prepared");
    return artifact;
  }

  async #activate(namespace: string, { manifest, digest }: Artifact): Promise<void> {
    const { name, version, callables } = manifest;
    const conflicts = await activateHandler(this.#options.database, {
      namespace,
      name,
      version,
      digest,
      callables,
    });
    if (conflicts.length === 0) return;
    throw new TaskerError("TSK_COMPONENT_CALLABLE_TAKEN", {
      attempted: `Cannot activate component "${name}@${version}" in namespace "${namespace}"`,
      found: conflicts.map(({ callable, heldBy }) => `callable "${callable}" is served by "${heldBy}"`).join(", "),
      accepted: "callables that no other active component of the namespace serves",
      details: { conflicts },
    });
  }
}
