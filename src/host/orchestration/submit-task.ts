import { TaskerError } from "../../core/errors/index.ts";
import type { Database } from "../database/connection.ts";
import { createTasks, type NewTask } from "../database/tasks.ts";
import type { NamespaceScope } from "../domain/principal.ts";
import { nearestName } from "../domain/nearest-name.ts";
import { type RegisteredTemplate, registeredTemplates } from "./registered-templates.ts";

/**
 * Creates the task with its steps, and enqueues those that are ready; returns its UUID.
 *
 * @throws TSK_TASK_DUPLICATE with the existing task's UUID in `details.task_uuid`; TSK_TASK_TEMPLATE_UNKNOWN with the
 * nearest registered names.
 */
export async function submitTask(database: Database, request: NewTask, scope: NamespaceScope): Promise<string> {
  const [created] = await createTasks(database, [request]);
  if (created?.verdict === "unknown_template") {
    const registered = await registeredTemplates(database);
    // Names of other namespaces are no help to who may not use them.
    const shown = registered.filter(({ namespace }) => scope === "*" || scope.includes(namespace));
    throw unknownTemplate(request, shown);
  }
  const taskUuid = created?.taskUuid;
  if (taskUuid === undefined) {
    throw new TaskerError("TSK_HOST_INTERNAL", {
      attempted: `Cannot submit a task of "${request.namespace}/${request.name}"`,
      found: "the database answered without a task",
    });
  }
  if (created?.verdict === "duplicate") {
    throw new TaskerError("TSK_TASK_DUPLICATE", {
      attempted: `Cannot submit a task of "${request.namespace}/${request.name}"`,
      found: `task "${taskUuid}" has the same ${request.idempotencyKey === undefined ? "context" : "idempotency key"}`,
      details: { task_uuid: taskUuid },
    });
  }
  return taskUuid;
}

function unknownTemplate(request: NewTask, registered: readonly RegisteredTemplate[]): TaskerError {
  const wanted = `${request.namespace}/${request.name}`;
  const versions = registered.filter((template) => fullName(template) === wanted).map(({ version }) => version);
  if (versions.length > 0) {
    return new TaskerError("TSK_TASK_TEMPLATE_UNKNOWN", {
      attempted: `Cannot submit a task of "${wanted}" version "${request.version ?? ""}"`,
      found: "no such version is registered",
      accepted: versions.map((version) => `"${version}"`).join(", "),
    });
  }
  const names = [...new Set(registered.map(fullName))];
  const nearest = nearestName(wanted, names);
  return new TaskerError("TSK_TASK_TEMPLATE_UNKNOWN", {
    attempted: `Cannot submit a task of "${wanted}"`,
    found: `no such template is registered${nearest === undefined ? "" : `, did you mean "${nearest}"`}`,
    accepted: acceptedNames(names, request.namespace),
    details: nearest === undefined ? {} : { nearest },
  });
}

const SHOWN_NAMES = 12;

/** The registered names, those of the same namespace first. */
function acceptedNames(names: readonly string[], namespace: string): string {
  if (names.length === 0) return "none: no template is registered";
  const near = names.filter((name) => name.startsWith(`${namespace}/`));
  const shown = (near.length > 0 ? near : names).toSorted();
  const list = shown.slice(0, SHOWN_NAMES).map((name) => `"${name}"`);
  return list.join(", ") + (shown.length > SHOWN_NAMES ? `, and ${shown.length - SHOWN_NAMES} more` : "");
}

function fullName({ namespace, name }: RegisteredTemplate): string {
  return `${namespace}/${name}`;
}
