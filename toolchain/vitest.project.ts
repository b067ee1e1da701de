import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

/** The installation that this file belongs to; a project needs nothing installed of its own. */
const ROOT = dirname(import.meta.dirname);

/** How `tasker-host test` runs the vitest tests of an author's project. */
export default defineConfig({
  resolve: {
    alias: [
      { find: /^@tasker-host\/sdk\/testing$/, replacement: join(ROOT, "sdk/typescript/testing/index.ts") },
      { find: /^@tasker-host\/sdk$/, replacement: join(ROOT, "sdk/typescript/src/index.ts") },
      { find: /^vitest$/, replacement: fileURLToPath(import.meta.resolve("vitest")) },
    ],
  },
  test: {
    include: ["**/test/*.test.ts"],
    exclude: ["**/node_modules/**", "**/build/**"],
    // A component is built and prepared in the first test that asks for it.
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
