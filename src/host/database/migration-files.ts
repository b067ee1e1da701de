import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { TaskerError } from "../../core/errors/index.ts";

/** One SQL file of `migrations/`. */
export interface MigrationFile {
  /** Path below `migrations/`, with slashes: what the ledger calls it. */
  readonly name: string;
  readonly group: MigrationGroup;
  /** Functions are applied again when their text changes; numbered files only once. */
  readonly kind: "numbered" | "function";
  readonly checksum: string;
  readonly text: string;
}

/**
 * The folders of `migrations/`, in the order in which they are applied. `pgmq` and `tasker` only where nobody else brings
 * the schema along: the extension, or tasker-core.
 */
export const MIGRATION_GROUPS = ["pgmq", "tasker", "functions/tasker", "tasker_host", "functions/tasker_host"] as const;
export type MigrationGroup = (typeof MIGRATION_GROUPS)[number];

const MIGRATIONS_DIR = join(import.meta.dirname, "../../../migrations");

/**
 * Every migration, in the order in which they are applied.
 *
 * @throws TSK_DATABASE_MIGRATIONS_MISSING.
 */
export async function migrationFiles(): Promise<readonly MigrationFile[]> {
  return (await Promise.all(MIGRATION_GROUPS.map(filesOf)).catch(missing)).flat();
}

/** Makes the ledger itself, where it is missing. */
export function ledgerText(): Promise<string> {
  return readFile(join(MIGRATIONS_DIR, "ledger.sql"), "utf8").catch(missing);
}

function missing(error: unknown): never {
  throw new TaskerError("TSK_DATABASE_MIGRATIONS_MISSING", {
    attempted: `Cannot read the migrations in "${MIGRATIONS_DIR}"`,
    found: error instanceof Error ? error.message : String(error),
    cause: error,
  });
}

async function filesOf(group: MigrationGroup): Promise<readonly MigrationFile[]> {
  const names = (await readdir(join(MIGRATIONS_DIR, group))).filter((name) => name.endsWith(".sql")).sort();
  return Promise.all(
    names.map(async (name) => {
      const text = await readFile(join(MIGRATIONS_DIR, group, name), "utf8");
      return {
        name: `${group}/${name}`,
        group,
        kind: group.startsWith("functions/") ? "function" : "numbered",
        checksum: createHash("sha256").update(text).digest("hex"),
        text,
      } as const;
    }),
  );
}
