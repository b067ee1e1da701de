/**
 * An artifact against the component that it was made of. The prepare process read hostile bytes and is not believed: neither
 * whose artifact it is, for which host, nor what of the host the component asks for, by which grants decide.
 */
import { createHash } from "node:crypto";
import type { Artifact } from "./artifact.ts";
import { rootNames } from "./component/root-names.ts";
import { quoted, refuse } from "./component/refuse.ts";
import { interfaceName } from "./world/interface-name.ts";
import { FUEL_SCHEDULE_ID, PREPARER_VERSION } from "./prepare/preparer-version.ts";

/** @throws TSK_COMPONENT_PREPARE_LOST where the artifact is not that of these bytes for this host. */
export function checkArtifact(artifact: Artifact, bytes: Uint8Array): void {
  const digest = createHash("sha256").update(bytes).digest("hex");
  same("the digest", artifact.digest, digest);
  same("the preparer's version", artifact.preparerVersion, PREPARER_VERSION);
  same("the fuel schedule", artifact.fuelScheduleId, FUEL_SCHEDULE_ID);
  const { imports, exports } = rootNames(bytes);
  same("the imports", JSON.stringify(artifact.imports), JSON.stringify(imports));
  same("the exports", JSON.stringify(artifact.exports), JSON.stringify(exports));
  const declared = new Set(imports.map((each) => interfaceName(each).name));
  for (const trampoline of artifact.plan.trampolines) {
    if (trampoline.kind === "host" && !declared.has(trampoline.interface)) {
      refuse("TSK_COMPONENT_PREPARE_LOST", `an artifact that calls ${quoted(trampoline.interface)}`, "imports only");
    }
  }
}

function same(what: string, found: string, accepted: string): void {
  if (found === accepted) return;
  refuse("TSK_COMPONENT_PREPARE_LOST", `an artifact with ${what} ${quoted(found)}`, quoted(accepted));
}
