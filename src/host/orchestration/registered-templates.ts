import type { Queries } from "./queries.ts";

/** A template that tasks can be made of. */
export interface RegisteredTemplate {
  readonly namespace: string;
  readonly name: string;
  readonly version: string;
}

const REGISTERED_TEMPLATES = `
  select task_namespaces.name as namespace, named_tasks.name, named_tasks.version
    from tasker.named_tasks
    join tasker.task_namespaces using (task_namespace_uuid)
   order by 1, 2, named_tasks.created_at desc`;

/** Every template in the database, newest version of each name first. */
export function registeredTemplates(database: Queries): Promise<readonly RegisteredTemplate[]> {
  return database.query<RegisteredTemplate>("registered_templates", REGISTERED_TEMPLATES, []);
}
