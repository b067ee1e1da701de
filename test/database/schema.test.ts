import { readFileSync, writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { testDatabase, testServerNames } from "../support/database.ts";

const GOLDEN = new URL("../golden/schema.txt", import.meta.url);

/** Everything that the migrations make, a line each, in the words of Postgres. */
const DESCRIPTION = `
  select line from (
    select 1 as part, c.relnamespace::regnamespace || '.' || c.relname as thing, a.attnum as n,
           format('column %s.%s %s %s%s%s', c.relnamespace::regnamespace, c.relname, a.attname,
                  format_type(a.atttypid, a.atttypmod), case when a.attnotnull then ' not null' else '' end,
                  coalesce(' default ' || pg_get_expr(d.adbin, d.adrelid), '')) as line
      from pg_class c
      join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
      left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
     where c.relkind = 'r' and c.relnamespace in ('tasker'::regnamespace, 'tasker_host'::regnamespace)
    union all
    select 2, conrelid::regclass::text, 0, format('constraint %s %s %s', conrelid::regclass, conname, pg_get_constraintdef(oid))
      from pg_constraint
     where contype in ('p', 'f', 'u', 'c') and connamespace in ('tasker'::regnamespace, 'tasker_host'::regnamespace)
    union all
    select 3, schemaname || '.' || tablename, 0, indexdef from pg_indexes where schemaname in ('tasker', 'tasker_host')
    union all
    select 4, t.typname, 0, format('type %s.%s %s', t.typnamespace::regnamespace, t.typname,
           (select string_agg(e.enumlabel, ', ' order by e.enumsortorder) from pg_enum e where e.enumtypid = t.oid))
      from pg_type t where t.typtype = 'e' and t.typnamespace in ('tasker'::regnamespace, 'tasker_host'::regnamespace)
    union all
    select 5, p.proname, 0, format('function %s.%s(%s) returns %s', p.pronamespace::regnamespace, p.proname,
           pg_get_function_identity_arguments(p.oid), pg_get_function_result(p.oid))
      from pg_proc p where p.pronamespace in ('tasker'::regnamespace, 'tasker_host'::regnamespace)
  ) described
  order by part, thing collate "C", n, line collate "C"`;

describe.each(testServerNames())("the migrated schema on %s", (server) => {
  // TASKER_UPDATE_GOLDEN=1 writes the file anew.
  it("is the one in test/golden/schema.txt", async () => {
    await using test = await testDatabase({ server });
    const database = test.open();
    const rows = await database.query<{ readonly line: string }>("test_schema", DESCRIPTION);
    const text = `${rows.map(({ line }) => line).join("\n")}\n`;
    if (process.env["TASKER_UPDATE_GOLDEN"] === "1" && server === "default") writeFileSync(GOLDEN, text);
    expect(text).toBe(readFileSync(GOLDEN, "utf8"));
  });
});
