import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { systemClock } from "../../src/core/clock.ts";
import { type FolderChange, watchFolder } from "../../src/host/cli/test/watch-folder.ts";

let folder: string;
let interrupted: AbortController;
let changes: AsyncIterableIterator<FolderChange, undefined>;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "tasker-watch-"));
  for (const path of ["src", "fixtures", "templates", "gone"]) mkdirSync(join(folder, path));
  interrupted = new AbortController();
  changes = watchFolder(folder, { clock: systemClock, signal: interrupted.signal });
});
afterEach(async () => {
  interrupted.abort();
  await rm(folder, { recursive: true });
});

function write(...files: readonly string[]): void {
  for (const file of files) {
    mkdirSync(join(folder, dirname(file)), { recursive: true });
    writeFileSync(join(folder, file), "x");
  }
}

async function nextFiles(): Promise<readonly string[]> {
  const { value } = await changes.next();
  return value?.files.toSorted() ?? [];
}

describe("watchFolder()", () => {
  it("tells of sources, fixtures, templates and configuration", async () => {
    const files = ["fixtures/pay.json", "handler.toml", "package.json", "src/index.ts", "src/words.txt"];
    write(...files, "templates/pay.yaml");
    expect(await nextFiles()).toEqual([...files, "templates/pay.yaml"]);
  });

  it("takes no notice of anything else, such as its own output in a file", async () => {
    write("out.log", "out.txt", "out.json", "out", "src/index.ts.map", "README.md", "build/a.ts", "src/.index.ts.swp");
    // What comes last is all that is told.
    write("src/index.ts");
    expect(await nextFiles()).toEqual(["src/index.ts"]);
  });

  it("tells of a folder that goes", async () => {
    rmSync(join(folder, "gone"), { recursive: true });
    expect(await nextFiles()).toEqual(["gone"]);
  });
});
