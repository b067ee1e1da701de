/** What the database refused, in words for whoever asked. */
import { TaskerError } from "../../core/errors/index.ts";
import type { ActivationProblem, PromoteVerdict, VersionName } from "../database/handler-versions.ts";

/** `"payments/charge" 1.4.0`, for sentences. */
export function versionText({ namespace, name, version }: VersionName): string {
  return `"${namespace}/${name}" ${version}`;
}

export function versionUnknown(attempted: string, { namespace, name, version }: VersionName): TaskerError {
  const found = `handler "${name}" of namespace "${namespace}" has no version "${version}"`;
  return new TaskerError("TSK_REGISTRY_VERSION_UNKNOWN", { attempted, found });
}

/** The version stands for other bytes, those that are there or those that were deleted. */
export function versionConflict(
  version: VersionName,
  digest: string,
  bound: { readonly digest: string; readonly deleted: boolean },
): TaskerError {
  const there = `digest ${bound.digest.slice(0, 12)}…`;
  return new TaskerError("TSK_REGISTRY_VERSION_CONFLICT", {
    attempted: `Cannot register ${versionText(version)} with digest ${digest.slice(0, 12)}…`,
    found: bound.deleted ? `the version had ${there} before it was deleted` : `the version is there with ${there}`,
    accepted: "the same bytes, or another version",
    details: { digest, there: bound.digest, deleted: bound.deleted },
  });
}

/** `details.stored` of a refused promotion, as answers of the API spell it. */
export interface StoredVersion {
  readonly namespace: string;
  readonly name: string;
  readonly version: string;
  readonly digest: string;
  readonly size_bytes: number;
  readonly callables: readonly string[];
  /** False: the version was there with the same bytes. */
  readonly created: boolean;
}

/** A promotion that was refused after its version was stored: the error says so, for whoever would upload again. */
export function storedAllTheSame(refusal: TaskerError, stored: StoredVersion): TaskerError {
  const { code, attempted, found, accepted, details, cause } = refusal;
  return new TaskerError(code, {
    attempted: `${attempted}, which is stored`,
    found,
    ...(accepted !== undefined && { accepted }),
    details: { ...details, stored },
    cause,
  });
}

/** Why a version did not become active. */
export function promotionRefused(
  version: VersionName,
  problem: Exclude<PromoteVerdict, { readonly verdict: "promoted" | "unchanged" }>,
): TaskerError {
  const attempted = `Cannot promote ${versionText(version)}`;
  switch (problem.verdict) {
    case "unknown":
      return versionUnknown(attempted, version);
    case "deprecated":
      return new TaskerError("TSK_REGISTRY_VERSION_DEPRECATED", { attempted, found: "the version is deprecated" });
    case "needs_approval": {
      const { active, added, removed } = problem;
      const difference = [
        ...byPackage(added).map((line) => `+ ${line}`),
        ...byPackage(removed).map((line) => `- ${line}`),
      ];
      return new TaskerError("TSK_GRANT_APPROVAL_NEEDED", {
        attempted,
        found: `it imports more than ${active}, which ran its callables last:\n  ${difference.join("\n  ")}`,
        details: { active, added, removed },
      });
    }
    case "not_granted":
    case "callable_taken":
      return activationRefused(attempted, version.namespace, problem);
    default:
      return problem satisfies never;
  }
}

/** `wasi:io/{poll, streams}`: one line for all interfaces of a package. */
function byPackage(interfaces: readonly string[]): readonly string[] {
  const packages = Map.groupBy(interfaces, (name) => name.split("/")[0] ?? name);
  return Array.from(packages, ([prefix, names]) => {
    if (names.length === 1) return names.join("");
    return `${prefix}/{${names.map((name) => name.slice(prefix.length + 1)).join(", ")}}`;
  });
}

/** Why neither a promotion nor a roll back may make the version active. */
export function activationRefused(attempted: string, namespace: string, problem: ActivationProblem): TaskerError {
  if (problem.verdict === "not_granted") {
    const { missing, granted } = problem;
    return new TaskerError("TSK_GRANT_MISSING", {
      attempted,
      found: `it imports ${quotedList(missing)}`,
      accepted: granted.length === 0 ? "no capability" : `what "${namespace}" was granted: ${quotedList(granted)}`,
      details: { missing, granted },
    });
  }
  const { conflicts } = problem;
  return new TaskerError("TSK_COMPONENT_CALLABLE_TAKEN", {
    attempted,
    found: conflicts
      .map(({ callable, held_by: heldBy }) => `callable "${callable}" is served by "${heldBy}"`)
      .join(", "),
    accepted: "callables that no other active component of the namespace serves",
    details: { conflicts: conflicts.map(({ callable, held_by: heldBy }) => ({ callable, heldBy })) },
  });
}

function quotedList(names: readonly string[]): string {
  return names.map((name) => `"${name}"`).join(", ");
}
