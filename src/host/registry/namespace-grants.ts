import { TaskerError } from "../../core/errors/index.ts";
import type { Database } from "../database/connection.ts";
import type { CapabilityRules, VersionName } from "../database/handler-versions.ts";
import { listGrants, readGrants, setGrants, type StoredGrants } from "../database/grants.ts";
import type { ActiveComponent } from "../database/handler-lists.ts";
import type { Actor } from "../domain/actor.ts";
import { CAPABILITY_NAMES, isCapability } from "../domain/capabilities.ts";
import { GRANT_LIMITS, type GrantChanges, type GrantLimits, LEAST_LIMITS, limitsWithin } from "../domain/grants.ts";

/** What the handlers of a namespace may import and use on this host, now. */
export interface GrantsInForce {
  readonly namespace: string;
  readonly capabilities: readonly string[];
  readonly limits: Required<{ readonly [K in keyof GrantLimits]: number }>;
  /** What the namespace says of itself; undefined where it has the host's defaults. */
  readonly stored: StoredGrants | undefined;
}

/** An active version whose steps end in error, as its namespace was not granted what it imports. */
export interface UngrantedVersion extends VersionName {
  readonly missing: readonly string[];
  readonly granted: readonly string[];
}

export interface NamespaceGrantsOptions {
  readonly database: Database;
  /** Capabilities of a namespace without grants of its own. */
  readonly defaultCapabilities: readonly string[];
  /** Limits of a run where its namespace says nothing. */
  readonly defaultLimits: Required<GrantLimits>;
  /** What no namespace gets beyond on this host. */
  readonly ceilings: Required<GrantLimits>;
  /** Capabilities that no namespace gets beyond on this host. */
  readonly capabilityCeiling: readonly string[];
}

/** The grants of all namespaces, as this host last saw them: a step asks memory, not the database. */
export class NamespaceGrants {
  readonly #options: NamespaceGrantsOptions;
  #seen: Promise<ReadonlyMap<string, StoredGrants>> | undefined;

  constructor(options: NamespaceGrantsOptions) {
    this.#options = options;
  }

  /** What the database holds a version against that shall become active. */
  get capabilityRules(): CapabilityRules {
    return { defaults: this.#options.defaultCapabilities, ceiling: this.#options.capabilityCeiling };
  }

  /** As last seen: `refresh` follows changes. */
  async of(namespace: string): Promise<GrantsInForce> {
    this.#seen ??= this.#read();
    return this.#inForce(namespace, (await this.#seen).get(namespace));
  }

  /** As the database has them now. */
  async read(namespace: string): Promise<GrantsInForce> {
    return this.#inForce(namespace, await readGrants(this.#options.database, namespace));
  }

  /** Looks at the database again. Where it is away, what was seen last holds. */
  async refresh(): Promise<void> {
    const fresh = await this.#read();
    this.#seen = Promise.resolve(fresh);
  }

  /** Those of the capabilities that the namespace has not, as this host last saw it: steps of a handler that needs one fail. */
  async notGranted(namespace: string, capabilities: readonly string[]): Promise<readonly string[]> {
    return missingOf(capabilities, (await this.of(namespace)).capabilities);
  }

  /** Those of active versions that this host does not run, as their namespaces were not granted what they import. */
  async ungranted(active: readonly ActiveComponent[]): Promise<readonly UngrantedVersion[]> {
    const found: UngrantedVersion[] = [];
    for (const { namespace, name, version, capabilities } of active) {
      const { capabilities: granted } = await this.of(namespace);
      const missing = missingOf(capabilities, granted);
      if (missing.length > 0) found.push({ namespace, name, version, missing, granted });
    }
    return found;
  }

  /** Changes what the changes name of a namespace's grants; null returns a member to the host's default. @throws TSK_GRANT_INVALID */
  async set(actor: Actor, namespace: string, changes: GrantChanges): Promise<GrantsInForce> {
    this.#check(namespace, changes);
    await setGrants(this.#options.database, actor, namespace, changes);
    await this.refresh();
    return this.read(namespace);
  }

  #check(namespace: string, { capabilities, limits = {} }: GrantChanges): void {
    const attempted = `Cannot set the grants of namespace "${namespace}"`;
    const unknown = capabilities?.find((name) => !isCapability(name));
    if (unknown !== undefined) {
      const found = `capability ${JSON.stringify(unknown.slice(0, 80))}`;
      throw new TaskerError("TSK_GRANT_INVALID", { attempted, found, accepted: CAPABILITY_NAMES.join(", ") });
    }
    const { capabilityCeiling } = this.#options;
    const beyond = capabilities?.find((name) => !capabilityCeiling.includes(name));
    if (beyond !== undefined) {
      const found = `capability "${beyond}", which is beyond the host's ceiling`;
      const accepted = capabilityCeiling.length === 0 ? "no capability" : capabilityCeiling.join(", ");
      throw new TaskerError("TSK_GRANT_INVALID", { attempted, found, accepted });
    }
    for (const name of GRANT_LIMITS) {
      const value = limits[name];
      if (value === undefined || value === null) continue;
      const least = LEAST_LIMITS[name];
      const ceiling = this.#options.ceilings[name] ?? 0;
      if (Number.isSafeInteger(value) && value >= least && value <= ceiling) continue;
      throw new TaskerError("TSK_GRANT_INVALID", {
        attempted,
        found: `${name} ${value}`,
        accepted: `a whole number from ${least} to ${ceiling}, the host's ceiling, or null (\`host\` in commands) for the host's own`,
      });
    }
  }

  #inForce(namespace: string, stored: StoredGrants | undefined): GrantsInForce {
    const { defaultCapabilities, capabilityCeiling, defaultLimits, ceilings } = this.#options;
    const granted = stored?.capabilities ?? defaultCapabilities;
    return {
      namespace,
      capabilities: granted.filter((name) => capabilityCeiling.includes(name)),
      limits: limitsWithin(stored?.limits ?? {}, defaultLimits, ceilings),
      stored,
    };
  }

  #read(): Promise<ReadonlyMap<string, StoredGrants>> {
    const reading = listGrants(this.#options.database).then(
      (all) => new Map(all.map((grants) => [grants.namespace, grants])),
    );
    // A failure is not remembered: the next step asks again.
    reading.catch(() => {
      if (this.#seen === reading) this.#seen = undefined;
    });
    return reading;
  }
}

/** Those that are needed and not granted. */
export function missingOf(needed: readonly string[], granted: readonly string[]): readonly string[] {
  return needed.filter((name) => !granted.includes(name));
}
