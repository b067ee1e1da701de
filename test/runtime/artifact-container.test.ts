import { createHash } from "node:crypto";
import { expect, it } from "vitest";
import type { Artifact } from "../../src/runtime/index.ts";
import { packArtifact, unpackContainer } from "../../src/runtime/artifact-container.ts";

const ABI = { encoding: "utf8" } as const;
const LIFTED = { owner: 0, func: { instance: 0, name: "f" }, abi: ABI };
const ARTIFACT: Artifact = {
  digest: "a".repeat(64),
  preparerVersion: "1",
  fuelScheduleId: "f1",
  manifest: { name: "n", version: "1", callables: ["c"], sdk: "s" },
  imports: [],
  exports: [],
  modules: [],
  plan: { instantiations: [], trampolines: [], describe: LIFTED, handle: LIFTED },
  describeFuel: 0,
};

/** A container around any header, its digest right. */
function containerOf(header: string): Buffer {
  const text = Buffer.from(header);
  const size = Buffer.alloc(4);
  size.writeUInt32LE(text.length);
  const parts = Buffer.concat([Buffer.from("tskart01"), size, text]);
  return Buffer.concat([parts, createHash("sha256").update(parts).digest()]);
}

it.each([
  ["values", `{"sizes":[],"header":[${"[],".repeat(60_000)}0]}`, "more than 20000 values"],
  ["depth", `{"sizes":[],"header":${"[".repeat(200)}${"]".repeat(200)}}`, "nested more than 128 deep"],
  ["bytes", `{"sizes":[],"header":"${"x".repeat(1_048_576)}"}`, "of at most 1048576"],
])("parses no header of too many %s", (_, header, found) => {
  expect(() => unpackContainer(containerOf(header))).toThrow(
    expect.objectContaining({ code: "TSK_COMPONENT_ARTIFACT_CORRUPT", found: expect.stringContaining(found) }),
  );
});

it("packs no artifact that could not be unpacked", () => {
  const imports = Array.from({ length: 60_000 }, () => "i");
  expect(unpackContainer(packArtifact({ ...ARTIFACT, imports: imports.slice(0, 19_000) })).parts).toEqual([]);
  expect(() => packArtifact({ ...ARTIFACT, imports })).toThrow(
    expect.objectContaining({ code: "TSK_COMPONENT_TOO_LARGE" }),
  );
});
