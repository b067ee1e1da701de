import { actorText } from "./actor-text.ts";
import { formatBytes, grouped, limitBytes, shortDigest } from "./format.ts";
import type {
  ActorAnswer,
  GrantsAnswer,
  HandlerAnswer,
  HandlerListAnswer,
  RanStepsAnswer,
  VersionAnswer,
} from "./handler-answers.ts";
import type { Paint } from "./paint.ts";
import { printable } from "./printable.ts";

/** A line a handler: what is active, and what it serves. */
export function listLines({ handlers }: HandlerListAnswer, paint: Paint): readonly string[] {
  if (handlers.length === 0) return ["no handlers"];
  return handlers.map(({ namespace, name, versions, active }) => {
    const head = `${namespace}/${name}`;
    if (active === null) return `${head}  ${paint("dim", `nothing active, ${counted(versions, "version")}`)}`;
    const serves = printable(active.callables.join(", "));
    return `${head}  ${active.version}  ${shortDigest(active.digest)}  ${paint("dim", counted(versions, "version"))}  ${serves}${notGrantedMark(active.not_granted, paint)}`;
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
      const { deprecated_at: at, deprecated_by: who } = each;
      const state = at === null ? "" : `  ${paint("yellow", by("deprecated", at, who))}`;
      return `  ${mark} ${each.version}  ${shortDigest(each.digest)}  ${formatBytes(each.size_bytes)}  ${by("uploaded", each.uploaded_at, each.uploaded_by)}${state}${notGrantedMark(each.not_granted, paint)}`;
    }),
    paint("dim", activations.length === 0 ? "  never active" : "  active, newest first:"),
    ...activations.map((each) => {
      const { version, digest, replaced_version: before, replaced_digest: beforeDigest } = each;
      const replaced = before === null ? "" : `, replaced ${before} ${shortDigest(beforeDigest ?? "?")}`;
      const how = by(each.reason.replace("_", " "), each.activated_at, each.activated_by);
      return `    ${version}  ${shortDigest(digest)}  ${how}${replaced}`;
    }),
  ];
}

/** A line an attempt; with what ran it where that is not one and the same. */
export function stepLines({ digests, steps, next_before: next }: RanStepsAnswer): readonly string[] {
  if (steps.length === 0) return ["it has run no step"];
  const lines = steps.map((each) => {
    const ran = digests.length > 1 ? `  ${shortDigest(each.digest)}` : "";
    const ended = each.outcome ?? each.ended_as ?? "running";
    const name = each.step_name ?? "pruned";
    return `${each.step_uuid}  ${printable(name)}  attempt ${each.attempt}  ${each.claimed_at.slice(0, 19)}Z  ${ended}${ran}  task ${each.task_uuid}`;
  });
  return next === null ? lines : [...lines, `→ more: --before ${next}`];
}

/** Everything that a reviewer asks of a version. */
export function versionLines(version: VersionAnswer, paint: Paint): readonly string[] {
  const { approved_at: approvedAt, approved_by: approvedBy, not_granted: missing, prepared } = version;
  const needs = version.capabilities.join(", ") || "nothing of the host";
  const rows: [string, string][] = [
    ["digest", `sha256:${version.digest}`],
    ["size", `${formatBytes(version.size_bytes)}${version.has_source_map ? ", with a source map" : ""}`],
    ["uploaded", by("", version.uploaded_at, version.uploaded_by)],
    ["active", version.active ? `since ${version.activated_at ?? "?"}` : "no"],
    ...(version.deprecated_at === null
      ? []
      : [["deprecated", by("", version.deprecated_at, version.deprecated_by)] satisfies [string, string]]),
    ...(approvedAt === null || approvedBy === null
      ? []
      : [["approved", by("", approvedAt, approvedBy)] satisfies [string, string]]),
    ["callables", version.callables.join(", ")],
    ["needs", missing.length === 0 ? needs : `${needs}; not granted: ${missing.join(", ")}`],
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
  const { namespace, capabilities, limits, own_limits: own, changed_at: at, ungranted } = grants;
  const line = (name: string, value: string, notes: readonly string[]): string =>
    `  ${paint("dim", name.padEnd(20))}${value}${notes.map((note) => paint("dim", `  ${note}`)).join("")}`;
  const beyond = grants.own_capabilities?.filter((name) => !capabilities.includes(name)) ?? [];
  return [
    `${namespace}  ${at === null ? "the host's defaults" : by("changed", at, grants.changed_by)}`,
    line("may import", capabilities.join(", ") || "nothing of the host", [
      ...(grants.own_capabilities === null ? ["the host's"] : []),
      ...(beyond.length === 0 ? [] : [`${printable(beyond.join(", "))} granted, and beyond this host's ceiling`]),
    ]),
    ...Object.entries(limits).map(([name, value]) => {
      const granted = own[name];
      const said =
        granted === undefined ? ["the host's"] : [`this host's ceiling, ${limitValue(name, granted)} granted`];
      return line(name, limitValue(name, value), granted === value ? [] : said);
    }),
    ...ungranted.map(({ name, version, not_granted: missing }) => {
      const text = `${namespace}/${name} ${version} is active, and its steps end in error: not granted: ${missing.join(", ")}`;
      return `  ${paint("yellow", printable(text))}`;
    }),
  ];
}

function limitValue(name: string, value: number): string {
  if (name === "fuel") return `${grouped(value)} units`;
  return name === "deadline_ms" ? `${grouped(value)} ms` : limitBytes(value);
}

function notGrantedMark(missing: readonly string[], paint: Paint): string {
  return missing.length === 0 ? "" : `  ${paint("yellow", printable(`not granted: ${missing.join(", ")}`))}`;
}

/** Null: nobody noted who. */
function by(what: string, at: string, who: ActorAnswer | null): string {
  const actor = who === null ? "" : ` by ${actorText(who)} (${who.origin})`;
  return printable(`${what} ${at.slice(0, 19)}Z${actor}`.trimStart());
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}
