import { globSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { describe, expect, it } from "vitest";

const ROOT = resolve(import.meta.dirname, "../..");
const SRC = join(ROOT, "src");

/**
 * What each layer may import besides itself; the drawing is in docs/architecture.md.
 * `runtime` means its one door, `src/runtime/index.ts`.
 */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  core: [],
  runtime: ["core"],
  "host/domain": ["core", "runtime"],
  "host/config": ["core", "runtime", "host/domain"],
  "host/observability": ["core", "host/domain"],
  "host/events": ["core", "runtime", "host/domain"],
  "host/database": ["core", "host/domain", "host/config"],
  "host/messaging": ["core", "host/domain", "host/config", "host/database"],
  "host/registry": ["core", "runtime", "host/domain", "host/config", "host/database", "host/messaging"],
  "host/identity": ["core", "host/domain", "host/config", "host/observability", "host/database"],
  "host/worker": [
    "core",
    "runtime",
    "host/domain",
    "host/config",
    "host/observability",
    "host/events",
    "host/database",
    "host/messaging",
    "host/registry",
  ],
  "host/orchestration": [
    "core",
    "host/domain",
    "host/config",
    "host/observability",
    "host/database",
    "host/messaging",
    "host/registry",
  ],
  "host/authoring": ["core", "runtime", "host/domain", "host/config"],
  "host/http": [
    "core",
    "host/domain",
    "host/config",
    "host/observability",
    "host/database",
    "host/messaging",
    "host/registry",
    "host/identity",
    "host/worker",
    "host/orchestration",
  ],
  // The composition root and the commands see everything.
  "host/bootstrap": ["*"],
  "host/cli": ["*"],
};

interface Import {
  readonly from: string;
  readonly to: string;
}

function layerOf(file: string): string {
  const [first = "", second = ""] = relative(SRC, file).split("/");
  return first === "host" ? `${first}/${second}` : first;
}

function importsOf(file: string): Import[] {
  const text = readFileSync(file, "utf8");
  const found = text.matchAll(/(?:from|import)\s*\(?\s*"([^"]+)"/g);
  return Array.from(found, (match) => match[1] ?? "")
    .filter((specifier) => specifier.startsWith("."))
    .map((specifier) => ({ from: file, to: resolve(dirname(file), specifier) }));
}

const files = globSync("**/*.ts", { cwd: SRC }).map((file) => join(SRC, file));
const imports = files.flatMap(importsOf);

describe("the layers of src/", () => {
  it("are read at all: enough modules, enough imports", () => {
    expect(files.length).toBeGreaterThan(60);
    expect(imports.length).toBeGreaterThan(150);
  });

  it("are all in the table", () => {
    const unknown = files.filter((file) => !(layerOf(file) in MAY_IMPORT)).map((file) => relative(ROOT, file));
    expect(unknown).toEqual([]);
  });

  it("import only what lies below them", () => {
    const breaches = imports
      .filter(({ from, to }) => to.startsWith(SRC) && layerOf(from) !== layerOf(to))
      .filter(({ from, to }) => {
        const allowed = MAY_IMPORT[layerOf(from)] ?? [];
        return !allowed.includes("*") && !allowed.includes(layerOf(to));
      })
      .map(({ from, to }) => `${relative(ROOT, from)} → ${relative(ROOT, to)}`);
    expect(breaches).toEqual([]);
  });

  it("enter the runtime by its door only", () => {
    const breaches = imports
      .filter(({ from, to }) => layerOf(from) !== "runtime" && layerOf(to) === "runtime")
      .filter(({ to }) => to !== join(SRC, "runtime/index.ts"))
      .map(({ from, to }) => `${relative(ROOT, from)} → ${relative(ROOT, to)}`);
    expect(breaches).toEqual([]);
  });
});

describe("authors' code", () => {
  const authored = ["sdk/*/src/**/*.ts", "sdk/*/assembly/**/*.ts", "handlers/**/src/**/*.ts", "toolchain/src/**/*.ts"]
    .flatMap((pattern) => globSync(pattern, { cwd: ROOT, exclude: (name) => name === "node_modules" }))
    .map((file) => join(ROOT, file));

  it("imports nothing of src/", () => {
    expect(authored.length).toBeGreaterThan(10);
    const breaches = authored
      .flatMap(importsOf)
      .filter(({ to }) => to.startsWith(`${SRC}/`))
      .map(({ from, to }) => `${relative(ROOT, from)} → ${relative(ROOT, to)}`);
    expect(breaches).toEqual([]);
  });
});
