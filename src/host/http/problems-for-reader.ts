import { mayEnter, type Principal } from "../domain/principal.ts";
import type { HostView } from "./host-view.ts";

/** What does not work, of the reader's namespaces; what concerns no single one is for readers of all. */
export function problemsFor(
  reader: Principal,
  host: HostView,
): { readonly subject: string; readonly code: string; readonly message: string }[] {
  return host
    .problems()
    .filter(({ namespace }) => (namespace === undefined ? reader.namespaces === "*" : mayEnter(reader, namespace)))
    .map(({ subject, code, message }) => ({ subject, code, message }));
}
