import type { Actor } from "../domain/actor.ts";
import type { Database } from "./connection.ts";

export interface NewTemplate {
  readonly namespace: string;
  readonly name: string;
  readonly version: string;
  readonly description: string | undefined;
  /** The whole template as JSON text: `named_tasks.configuration`. */
  readonly configurationJson: string;
}

const REGISTER = "select * from tasker_host.register_template($1, $2, $3, $4, $5, $6)";
const ENSURE_QUEUE = "select tasker_host.ensure_queue($1)";

/** Registers the template and makes its namespace's queue. `changed` is false where the database had just this. */
export async function registerTemplate(
  database: Database,
  actor: Actor,
  template: NewTemplate,
): Promise<{ readonly namedTaskUuid: string; readonly changed: boolean }> {
  const { namespace, name, version, description = null, configurationJson } = template;
  const values = [JSON.stringify(actor), namespace, name, version, description, configurationJson];
  const [row] = await database.query<{ readonly named_task_uuid: string; readonly changed: boolean }>(
    "register_template",
    REGISTER,
    values,
  );
  return { namedTaskUuid: row?.named_task_uuid ?? "", changed: row?.changed ?? false };
}

/** Makes the step queue of the namespace where it is missing. */
export async function ensureQueue(database: Database, namespace: string): Promise<void> {
  await database.query("ensure_queue", ENSURE_QUEUE, [namespace]);
}
