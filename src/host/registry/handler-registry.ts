import { createHash } from "node:crypto";
import { TaskerError } from "../../core/errors/index.ts";
import type { Artifact } from "../../runtime/index.ts";
import type { Database } from "../database/connection.ts";
import { activeCallables, readVersion, versionDigests } from "../database/handler-lists.ts";
import {
  approveVersion,
  deactivateHandler,
  deleteVersion,
  deprecateVersion,
  type HandlerName,
  type NewVersion,
  type PromoteVerdict,
  promoteVersion,
  registerAndPromote,
  registerVersion,
  type Replaced,
  replaceVersion,
  rollBackHandler,
  type VersionName,
} from "../database/handler-versions.ts";
import type { Actor } from "../domain/actor.ts";
import { HANDLER_NAME_PATTERN, HANDLER_NAME_RULE, VERSION_PATTERN, VERSION_RULE } from "../domain/names.ts";
import { namespaceProblem } from "./check-namespace.ts";
import { checkSourceMap } from "./check-source-map.ts";
import { type ComponentStore, type LoadedComponent, newComponent } from "./component-store.ts";
import type { NamespaceGrants } from "./namespace-grants.ts";
import {
  activationRefused,
  promotionRefused,
  storedAllTheSame,
  type StoredVersion,
  versionConflict,
  versionText,
  versionUnknown,
} from "./refusals.ts";
import { WaitingLine } from "./waiting-line.ts";

export interface ComponentFacts {
  readonly name: string;
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
  /** `known`: the version was there with the same bytes. */
  readonly verdict: "created" | "known" | "replaced";
  /** The promotion, where one was asked for. */
  readonly promotion: Promotion | undefined;
  /** It was known, and stays as somebody settled it: another version runs, or none. */
  readonly leftInactive: boolean;
}

/** What a promotion changed. */
export interface Promotion {
  /** False: the version was active already. */
  readonly changed: boolean;
  readonly replaced: Replaced;
}

export interface RegisterOptions {
  readonly actor: Actor;
  /**
   * Makes it the active version. `if-new`: only where its bytes are new here, or nobody has said yet what shall run, so that a
   * start undoes neither promotions nor roll backs nor deactivations.
   */
  readonly promote: "always" | "if-new" | "never";
  /** What the component must call itself. */
  readonly expect?: { readonly name: string; readonly version: string };
  /**
   * A developer's own host: other bytes take the place of a used version, and wider imports need no approval. Where the
   * promotion is refused, nothing is stored.
   */
  readonly development?: boolean;
  /** Aborts what is not stored yet. */
  readonly signal?: AbortSignal;
}

/** What an upload brings. */
export interface UploadedFiles {
  readonly component: Uint8Array<ArrayBuffer>;
  readonly sourceMap: string | undefined;
}

export interface HandlerRegistryOptions {
  readonly database: Database;
  readonly store: ComponentStore;
  readonly grants: NamespaceGrants;
  /** Uploads under way at once, waiting ones among them. */
  readonly maxUploads: number;
  /** Of what this host registers by itself. */
  readonly hostActor: Actor;
  /** See `RegisterOptions.development`; for what this host registers by itself. */
  readonly replaceVersions: boolean;
}

/** Versions of handlers: how they come, become active, and go. The database judges; this says why. */
export class HandlerRegistry {
  readonly grants: NamespaceGrants;
  readonly #options: HandlerRegistryOptions;
  readonly #uploads: WaitingLine;
  /** Uploads under way, by who sends them. */
  readonly #uploadsOf = new Map<string, number>();
  /** One line a version, so that of twenty uploads of it nineteen wait for the first and cost nothing. */
  readonly #lines = new Map<string, { line: WaitingLine; users: number }>();

  constructor(options: HandlerRegistryOptions) {
    this.#options = options;
    this.grants = options.grants;
    this.#uploads = new WaitingLine({ maxActive: options.maxUploads, maxWaiting: 0 });
  }

  /**
   * What a host registers by itself: the folder of `--handlers` when it starts (`if-new`), and what somebody has saved while
   * `dev` looks on (`always`).
   */
  register(
    namespace: string,
    component: Uint8Array<ArrayBuffer>,
    sourceMap: string | undefined,
    promote: "always" | "if-new" = "if-new",
  ): Promise<RegisteredComponent> {
    const { hostActor, replaceVersions } = this.#options;
    return this.#register(
      namespace,
      { component, sourceMap },
      { actor: hostActor, promote, development: replaceVersions },
    );
  }

  /**
   * Takes an upload: `read` is called when there is room for it.
   * @throws TSK_REGISTRY_BUSY, TSK_REGISTRY_VERSION_CONFLICT, TSK_REGISTRY_MANIFEST_MISMATCH, TSK_COMPONENT_… where the gate
   * refuses it: then nothing is stored. Where only the promotion is refused (TSK_GRANT_…, TSK_COMPONENT_CALLABLE_TAKEN), the
   * version is stored, and the error's details say so in `stored`.
   */
  upload(
    version: VersionName,
    read: () => Promise<UploadedFiles>,
    options: { readonly actor: Actor; readonly promote: boolean; readonly signal: AbortSignal },
  ): Promise<RegisteredComponent> {
    const { namespace, name } = version;
    const attempted = `Cannot upload ${versionText(version)}`;
    return this.#inShare(options.actor, attempted, () =>
      this.#uploads.run(attempted, async () =>
        this.#register(namespace, await read(), {
          actor: options.actor,
          promote: options.promote ? "always" : "never",
          expect: { name, version: version.version },
          signal: options.signal,
        }),
      ),
    );
  }

  /** Makes a version the active one. @throws TSK_REGISTRY_VERSION_…, TSK_GRANT_…, TSK_COMPONENT_CALLABLE_TAKEN */
  async promote(actor: Actor, version: VersionName): Promise<Promotion> {
    return this.#promote(actor, version);
  }

  /**
   * Leaves a handler without an active version: nobody runs its callables until a promotion or a roll back.
   * @throws TSK_REGISTRY_HANDLER_UNKNOWN, TSK_REGISTRY_NOTHING_ACTIVE
   */
  async deactivate(actor: Actor, handler: HandlerName): Promise<{ readonly version: string; readonly digest: string }> {
    const verdict = await deactivateHandler(this.#options.database, actor, handler);
    const attempted = `Cannot deactivate "${handler.namespace}/${handler.name}"`;
    switch (verdict.verdict) {
      case "deactivated":
        return { version: verdict.version, digest: verdict.digest };
      case "nothing":
        throw new TaskerError("TSK_REGISTRY_NOTHING_ACTIVE", { attempted, found: "no version of it is active" });
      case "unknown": {
        const found = `namespace "${handler.namespace}" has no handler "${handler.name}"`;
        throw new TaskerError("TSK_REGISTRY_HANDLER_UNKNOWN", { attempted, found });
      }
      default:
        return verdict satisfies never;
    }
  }

  /** Undoes the last promotion or deactivation; called again, the one before. @throws TSK_REGISTRY_…, TSK_GRANT_MISSING, TSK_COMPONENT_CALLABLE_TAKEN */
  async rollBack(
    actor: Actor,
    handler: HandlerName,
  ): Promise<{ readonly version: string; readonly replaced: Replaced }> {
    const { database, grants } = this.#options;
    const attempted = `Cannot roll back "${handler.namespace}/${handler.name}"`;
    const verdict = await rollBackHandler(database, actor, handler, grants.capabilityRules);
    switch (verdict.verdict) {
      case "rolled_back":
        return { version: verdict.version, replaced: verdict.replaced };
      case "unknown":
        throw new TaskerError("TSK_REGISTRY_HANDLER_UNKNOWN", { attempted, found: "no version of it was ever active" });
      case "nothing":
        throw new TaskerError("TSK_REGISTRY_NOTHING_BEFORE", {
          attempted,
          found: "no version was active before that still may be",
        });
      case "not_granted":
      case "callable_taken":
        throw activationRefused(`${attempted} to ${verdict.version}`, handler.namespace, verdict);
      default:
        return verdict satisfies never;
    }
  }

  /** Lets a version become active although it imports more than the active one. @throws TSK_REGISTRY_VERSION_UNKNOWN */
  async approve(actor: Actor, version: VersionName): Promise<void> {
    if (await approveVersion(this.#options.database, actor, version)) return;
    throw versionUnknown(`Cannot approve ${versionText(version)}`, version);
  }

  /** Says that a version may not become active any more, or that it may. @throws TSK_REGISTRY_VERSION_UNKNOWN */
  async deprecate(actor: Actor, version: VersionName, deprecated: boolean): Promise<void> {
    if (await deprecateVersion(this.#options.database, actor, version, deprecated)) return;
    throw versionUnknown(`Cannot deprecate ${versionText(version)}`, version);
  }

  /** Deletes a version that no step can need any more. @throws TSK_REGISTRY_VERSION_… */
  async delete(actor: Actor, version: VersionName): Promise<void> {
    const attempted = `Cannot delete ${versionText(version)}`;
    const answer = await deleteVersion(this.#options.database, actor, version);
    switch (answer.verdict) {
      case "deleted":
        return;
      case "unknown":
        throw versionUnknown(attempted, version);
      case "active":
        throw new TaskerError("TSK_REGISTRY_VERSION_ACTIVE", { attempted, found: "it is the active version" });
      case "in_use": {
        const { leased, waiting } = answer;
        const found = `${leased} steps run with it, and ${waiting} that it ran wait to be tried again`;
        throw new TaskerError("TSK_REGISTRY_VERSION_IN_USE", { attempted, found, details: { leased, waiting } });
      }
      default:
        answer satisfies never;
    }
  }

  /** A component as a namespace runs it, see `ComponentStore.load`. */
  load(namespace: string, digest: string): Promise<LoadedComponent> {
    return this.#options.store.load(namespace, digest);
  }

  /** What a step's result says of the component that ran it; undefined for a native handler. */
  async facts(digest: string | undefined): Promise<ComponentFacts | undefined> {
    if (digest === undefined) return undefined;
    const artifact = await this.#options.store.artifact(digest);
    const { name, version } = artifact.manifest;
    return { digest, name, version, fuelScheduleId: artifact.fuelScheduleId };
  }

  activeCallables(namespace: string): Promise<readonly string[]> {
    return activeCallables(this.#options.database, namespace);
  }

  async #register(
    namespace: string,
    { component, sourceMap }: UploadedFiles,
    options: RegisterOptions,
  ): Promise<RegisteredComponent> {
    const { expect } = options;
    const wrong = namespaceProblem(namespace, "Cannot register the component");
    if (wrong !== undefined) throw wrong;
    if (sourceMap !== undefined) checkSourceMap(sourceMap);
    if (expect === undefined) return this.#registerAlone(namespace, { component, sourceMap }, options);
    return this.#inLine(`${namespace}/${expect.name}/${expect.version}`, async () => {
      await this.#refuseConflict({ namespace, ...expect }, component);
      return this.#registerAlone(namespace, { component, sourceMap }, options);
    });
  }

  async #registerAlone(
    namespace: string,
    { component, sourceMap }: UploadedFiles,
    options: RegisterOptions,
  ): Promise<RegisteredComponent> {
    const { store } = this.#options;
    const { artifact, prepared, replaceArtifact } = await store.prepare(component);
    const version = versionOf(namespace, artifact, options.expect);
    // The last moment to leave nothing behind: the caller is gone, or has its answer.
    options.signal?.throwIfAborted();
    const made = {
      ...version,
      actor: options.actor,
      callables: artifact.manifest.callables,
      component: newComponent(artifact, component),
      sourceMap,
      replaceArtifact,
    };
    const registered = { namespace, artifact, sizeBytes: component.length, prepared, leftInactive: false };
    if (options.development === true) {
      const replaced = await this.#replace(made, options.promote === "if-new");
      return { ...registered, ...replaced, leftInactive: await this.#isLeft(made, replaced.promotion, options) };
    }
    const answer = await this.#store(made, options.promote);
    if (answer.verdict === "conflict") throw versionConflict(version, artifact.digest, answer);
    store.forget(namespace, artifact.digest);
    const { verdict, promotion: asked } = answer;
    const promotion =
      asked &&
      promotionOf(version, asked, {
        ...version,
        digest: artifact.digest,
        size_bytes: component.length,
        callables: artifact.manifest.callables,
        created: verdict !== "known",
      });
    const leftInactive = await this.#isLeft(version, promotion, options);
    return { ...registered, verdict, promotion: promotion ?? undefined, leftInactive };
  }

  async #isLeft(
    version: VersionName,
    promotion: Promotion | null | undefined,
    { promote }: RegisterOptions,
  ): Promise<boolean> {
    if (promote !== "if-new" || promotion) return false;
    return (await readVersion(this.#options.database, version))?.active === false;
  }

  /** All that changes in one transaction: a host that is killed has registered and promoted, or neither. */
  #store(made: NewVersion, promote: RegisterOptions["promote"]): ReturnType<typeof registerAndPromote> {
    const { database, grants } = this.#options;
    if (promote === "never") return registerVersion(database, made);
    return registerAndPromote(database, made, grants.capabilityRules, promote === "if-new");
  }

  async #replace(made: NewVersion, ifNew: boolean): Promise<Pick<RegisteredComponent, "verdict" | "promotion">> {
    const { database, store, grants } = this.#options;
    const { verdict, promotion } = await replaceVersion(database, made, grants.capabilityRules, ifNew);
    store.forget(made.namespace, made.component.digest);
    return { verdict, promotion: promotion === null ? undefined : promotionOf(made, promotion) };
  }

  async #promote(actor: Actor, version: VersionName): Promise<Promotion> {
    const { database, grants } = this.#options;
    return promotionOf(version, await promoteVersion(database, actor, version, grants.capabilityRules));
  }

  /** A caller who was recognised has half of the places at most: its slow uploads leave room for those of others. */
  async #inShare<T>({ kind, name }: Actor, attempted: string, work: () => Promise<T>): Promise<T> {
    if (kind === "anonymous") return work();
    const key = `${kind}:${name}`;
    const share = Math.ceil(this.#options.maxUploads / 2);
    const underWay = this.#uploadsOf.get(key) ?? 0;
    if (underWay >= share) {
      const found = `${kind} "${name}" has ${underWay} uploads under way`;
      throw new TaskerError("TSK_REGISTRY_BUSY", { attempted, found, accepted: `at most ${share} of one caller` });
    }
    this.#uploadsOf.set(key, underWay + 1);
    try {
      return await work();
    } finally {
      const left = (this.#uploadsOf.get(key) ?? 1) - 1;
      if (left === 0) this.#uploadsOf.delete(key);
      else this.#uploadsOf.set(key, left);
    }
  }

  /** Before anything is prepared: most uploads that lose lose here. */
  async #refuseConflict(version: VersionName, component: Uint8Array): Promise<void> {
    const [bound] = await versionDigests(this.#options.database, version);
    const digest = createHash("sha256").update(component).digest("hex");
    if (bound === undefined || bound === digest) return;
    const deleted = (await readVersion(this.#options.database, version)) === undefined;
    throw versionConflict(version, digest, { digest: bound, deleted });
  }

  async #inLine<T>(key: string, work: () => Promise<T>): Promise<T> {
    const entry = this.#lines.get(key) ?? { line: new WaitingLine({ maxActive: 1, maxWaiting: Infinity }), users: 0 };
    this.#lines.set(key, entry);
    entry.users += 1;
    try {
      return await entry.line.run(key, work);
    } finally {
      entry.users -= 1;
      if (entry.users === 0) this.#lines.delete(key);
    }
  }
}

/**
 * What a promotion changed; `stored`: the version that is stored although it is refused.
 * @throws TSK_REGISTRY_VERSION_…, TSK_GRANT_…, TSK_COMPONENT_CALLABLE_TAKEN where it is refused.
 */
function promotionOf(version: VersionName, answer: PromoteVerdict, stored?: StoredVersion): Promotion {
  if (answer.verdict === "promoted") return { changed: true, replaced: answer.replaced };
  if (answer.verdict === "unchanged") return { changed: false, replaced: null };
  const refusal = promotionRefused(version, answer);
  throw stored === undefined ? refusal : storedAllTheSame(refusal, stored);
}

/** The version that the component is, by its own word. @throws TSK_REGISTRY_MANIFEST_MISMATCH, TSK_COMPONENT_MANIFEST_INVALID */
function versionOf(
  namespace: string,
  { manifest: { name, version } }: Artifact,
  expect: RegisterOptions["expect"],
): VersionName {
  const attempted = "Cannot register the component";
  if (expect !== undefined && (expect.name !== name || expect.version !== version)) {
    throw new TaskerError("TSK_REGISTRY_MANIFEST_MISMATCH", {
      attempted: `Cannot upload ${versionText({ namespace, ...expect })}`,
      found: `the component calls itself "${name}" ${version}`,
      accepted: `a component that calls itself "${expect.name}" ${expect.version}`,
    });
  }
  if (!HANDLER_NAME_PATTERN.test(name)) {
    const found = `the name ${JSON.stringify(name)}`;
    throw new TaskerError("TSK_COMPONENT_MANIFEST_INVALID", { attempted, found, accepted: HANDLER_NAME_RULE });
  }
  if (!VERSION_PATTERN.test(version)) {
    const found = `the version ${JSON.stringify(version)}`;
    throw new TaskerError("TSK_COMPONENT_MANIFEST_INVALID", { attempted, found, accepted: VERSION_RULE });
  }
  return { namespace, name, version };
}
