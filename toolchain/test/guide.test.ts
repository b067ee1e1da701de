/** The examples of docs/handlers.md do what the guide says. */
import { readFileSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { buildHandler } from "@tasker-host/toolchain";
import { loadComponent } from "./support/run-component.ts";

const GUIDE = readFileSync(join(import.meta.dirname, "../../docs/handlers.md"), "utf8");
/** Inside the repository, so that the examples find zod; ignored by git. */
const PLACE = join(import.meta.dirname, "../build");

/** The guide's code blocks of one language, in their order. */
function blocks(language: string): string[] {
  return Array.from(
    GUIDE.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, "gm")),
    (match) => match[1] ?? "",
  );
}

async function resultsOf(
  settings: string,
  entry: string,
  source: string,
  callables: readonly string[],
): Promise<unknown[]> {
  await mkdir(PLACE, { recursive: true });
  const folder = await mkdtemp(join(PLACE, "guide-"));
  try {
    await mkdir(join(folder, "src"));
    await writeFile(join(folder, "handler.toml"), settings);
    await writeFile(join(folder, entry), source);
    const report = await buildHandler(folder);
    expect(report.callables).toEqual(callables);
    const component = await loadComponent(report.wasmPath);
    const dependencyResults: { stepName: string; result: string }[] = [];
    return callables.map((callable) => {
      const { outcome } = component.run({ callable, context: '{"name":"Ada"}', dependencyResults });
      if (outcome.tag !== "success") throw new Error(JSON.stringify(outcome));
      dependencyResults.push({ stepName: "compose", result: outcome.val.result });
      return JSON.parse(outcome.val.result);
    });
  } finally {
    await rm(folder, { recursive: true });
  }
}

describe("docs/handlers.md", () => {
  const [typescriptSettings = "", assemblyscriptSettings = ""] = blocks("toml");
  const [typescript = "", assemblyscript = ""] = blocks("ts");

  it("shows a handler in TypeScript that works", async () => {
    const callables = ["greeter.compose", "greeter.shout"];
    expect(await resultsOf(typescriptSettings, "src/index.ts", typescript, callables)).toEqual([
      { text: "Hello, Ada" },
      { text: "HELLO, ADA" },
    ]);
  });

  it("shows a handler in AssemblyScript that works", async () => {
    expect(await resultsOf(assemblyscriptSettings, "src/index.as.ts", assemblyscript, ["greeter_as.compose"])).toEqual([
      { text: "Hello, Ada" },
    ]);
  });
});
