import type { FunctionType } from "../component/value-type.ts";
import { HANDLER_INTERFACES } from "./handler-world.ts";
import { NEVER_MADE, WASI_INTERFACES } from "./wasi.ts";

const OFFERED: ReadonlyMap<string, Readonly<Record<string, FunctionType>>> = new Map(
  Object.entries<Readonly<Record<string, FunctionType>>>({ ...HANDLER_INTERFACES, ...WASI_INTERFACES }),
);

/** Names of all interfaces that a component may import, without version. */
export const OFFERED_INTERFACES: readonly string[] = [...OFFERED.keys()];

/** The type under which the runtime offers a function, or undefined where it does not. */
export function offeredFunction(interfaceName: string, name: string): FunctionType | undefined {
  const functions = OFFERED.get(interfaceName);
  return functions !== undefined && Object.hasOwn(functions, name) ? functions[name] : undefined;
}

/** True where a guest can only trap in the function, whatever the rest of its type: it borrows what does not exist. */
export function neverAnswers(type: FunctionType): boolean {
  const first = type.params[0]?.[1];
  return first?.kind === "borrow" && NEVER_MADE.has(first.resource);
}
