import { appendFile, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { childCode } from "../../../src/runtime/process/code-snapshot.ts";
import { INSIDE } from "../../../src/runtime/process/private-root.ts";

describe("childCode()", () => {
  it("is copied once for all children of a kind", async () => {
    const first = await childCode("sandbox", { verified: true });
    expect(await childCode("sandbox", { verified: true })).toEqual(first);
  });

  it("is copied anew where a file of it was changed, if that is looked for", async () => {
    const first = await childCode("sandbox");
    const honest = await readFile(first.entry, "utf8");
    // As long as before, and no entry more.
    await writeFile(first.entry, honest.replace("import", "export"));
    const next = await childCode("sandbox", { verified: true });
    expect(next.directory).not.toBe(first.directory);
    expect(await readFile(next.entry, "utf8")).toBe(honest);
  });

  it("does not mind a file more, which nothing loads", async () => {
    const first = await childCode("prepare");
    await appendFile(join(first.directory, "one-more.js"), "");
    expect((await childCode("prepare", { verified: true })).directory).toBe(first.directory);
  });

  it.skipIf(process.platform !== "linux")(
    "comes with the mounts of its root, read-only all of them [Linux only]",
    async () => {
      const { root, directory } = await childCode("translate");
      const lines = (await readFile(root?.mounts ?? "", "utf8")).trim().split("\n");
      expect(lines.every((line) => line.includes(" none bind,ro,nosuid"))).toBe(true);
      expect(lines[1]).toMatch(new RegExp(`^${directory} ${root?.directory}${INSIDE.code} `));
    },
  );
});
