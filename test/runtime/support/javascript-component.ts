/** JavaScript guests by the engines themselves, without SDK or toolchain. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { componentize as starlingMonkey } from "@bytecodealliance/componentize-js";
import { componentize as quickJs } from "componentize-qjs";
import { WIT_SOURCE } from "./wat-component.ts";

export async function quickJsComponent(source: string): Promise<Uint8Array<ArrayBuffer>> {
  const directory = await mkdtemp(join(tmpdir(), "tasker-host-test-"));
  try {
    const witPath = join(directory, "handler.wit");
    await writeFile(witPath, WIT_SOURCE);
    const { component } = await quickJs({ witPath, jsSource: source, world: "handler", sync: true });
    return Uint8Array.from(component);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

export async function starlingMonkeyComponent(source: string): Promise<Uint8Array<ArrayBuffer>> {
  const options = {
    worldName: "handler",
    disableFeatures: ["stdio", "random", "clocks", "http", "fetch-event"],
  };
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the declared `sourcePath` is not wanted beside a text
  const { component } = await starlingMonkey(source, WIT_SOURCE, options as Parameters<typeof starlingMonkey>[2]);
  return Uint8Array.from(component);
}
