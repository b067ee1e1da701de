import { formatBytes, shortDigest } from "./format.ts";
import type { ActorAnswer, GrantsAnswer, HandlerAnswer, HandlerListAnswer, VersionAnswer } from "./handler-answers.ts";
import type { Paint } from "./paint.ts";
import { printable } from "./printable.ts";

/** A line a handler: what is active, and what it serves. */
export function listLines({ handlers }: HandlerListAnswer, paint: Paint): readonly string[] {
  if (handlers.length === 0) return ["no handlers"];
  return handlers.map(({ namespace, name, versions, active }) => {
    const head = `${namespace}/${name}`;
    if (active === null) return `${head}  ${paint("dim", `nothing active, ${counted(versions, "version")}`)}`;
    const serves = printable(active.callables.join(", "));
    return `${head}  ${active.version}  ${shortDigest(active.digest)}  ${paint("dim", counted(versions, "version"))}  ${serves}`;
  });
}

/** A handler's versions, and what was active when. */
export function handlerLines(
  { namespace, name, versions, activations }: HandlerAnswer,
  paint: Paint,
): readonly string[] {
  return [
    `${namespace}/${name}`,
    ...versions.map((each) => {
      const mark = each.active ? paint("green", "●") : paint("dim", "○");
      const state = each.deprecated_at === null ? "" : `  ${paint("yellow", "deprecated")}`;
      return `  ${mark} ${each.version}  ${shortDigest(each.digest)}  ${formatBytes(each.size_bytes)}  ${by("uploaded", each.uploaded_at, each.uploaded_by)}${state}`;
    }),
    paint("dim", "  active, newest first:"),
    ...activations.map((each) => {
      const replaced = each.replaced_version === null ? "" : `, replaced ${each.replaced_version}`;
      return `    ${each.version}  ${by(each.reason.replace("_", " "), each.activated_at, each.activated_by)}${replaced}`;
    }),
  ];
}

/** Everything that a reviewer asks of a version. */
export function versionLines(version: VersionAnswer, paint: Paint): readonly string[] {
  const { approved_at: approvedAt, approved_by: approvedBy, prepared } = version;
  const rows: [string, string][] = [
    ["digest", `sha256:${version.digest}`],
    ["size", `${formatBytes(version.size_bytes)}${version.has_source_map ? ", with a source map" : ""}`],
    ["uploaded", by("", version.uploaded_at, version.uploaded_by)],
    ["active", version.active ? `since ${version.activated_at ?? "?"}` : "no"],
    ...(version.deprecated_at === null ? [] : [["deprecated", version.deprecated_at] satisfies [string, string]]),
    ...(approvedAt === null || approvedBy === null
      ? []
      : [["approved", by("", approvedAt, approvedBy)] satisfies [string, string]]),
    ["callables", version.callables.join(", ")],
    ["needs", version.capabilities.join(", ") || "nothing of the host"],
    ["imports", version.imports.join(", ") || "nothing"],
    ["exports", version.exports.join(", ")],
    ...prepared.map(({ preparer_version: preparer, fuel_schedule: schedule, describe_fuel: fuel }) => {
      return ["prepared", `preparer ${preparer}, ${schedule}, dry run ${fuel} fuel`] satisfies [string, string];
    }),
  ];
  return [
    `${version.namespace}/${version.name} ${version.version}`,
    ...rows.map(([name, text]) => `  ${paint("dim", name.padEnd(11))}${printable(text)}`),
  ];
}

/** What a namespace's handlers may import and use. */
export function grantsLines(grants: GrantsAnswer, paint: Paint): readonly string[] {
  const { namespace, capabilities, limits, own_limits: own, changed_at: at, changed_by: who } = grants;
  return [
    `${namespace}  ${at === null || who === null ? "the host's defaults" : by("changed", at, who)}`,
    `  ${paint("dim", "may import".padEnd(20))}${capabilities.join(", ") || "nothing of the host"}`,
    ...Object.entries(limits).map(([name, value]) => {
      return `  ${paint("dim", name.padEnd(20))}${value}${Object.hasOwn(own, name) ? "" : paint("dim", "  the host's")}`;
    }),
  ];
}

function by(what: string, at: string, { kind, name, origin }: ActorAnswer): string {
  return printable(`${what} ${at.slice(0, 19)}Z by ${kind} ${name} (${origin})`.trimStart());
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}
