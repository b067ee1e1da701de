import { TaskerError } from "../../core/errors/index.ts";
import { NAMESPACE_PATTERN, NAMESPACE_RULE } from "../domain/names.ts";

/** What is wrong with the name, if anything: a namespace that can have no queue could be served by no host. */
export function namespaceProblem(namespace: string, attempted: string): TaskerError | undefined {
  if (NAMESPACE_PATTERN.test(namespace)) return undefined;
  const found = `the namespace ${JSON.stringify(namespace.slice(0, 80))}`;
  return new TaskerError("TSK_REGISTRY_NAMESPACE_INVALID", { attempted, found, accepted: NAMESPACE_RULE });
}
