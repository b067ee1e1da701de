import type { HostFunction, HostFunctions } from "./capability.ts";
import { HANDLER_FUNCTIONS } from "./handler.ts";
import { WASI_FUNCTIONS } from "./wasi.ts";

const FUNCTIONS: ReadonlyMap<string, HostFunctions> = new Map(
  Object.entries<HostFunctions>({ ...HANDLER_FUNCTIONS, ...WASI_FUNCTIONS }),
);

/** What answers a function of an imported interface (name without version); undefined where nothing does. */
export function hostFunction(interfaceName: string, name: string): HostFunction | undefined {
  const functions = FUNCTIONS.get(interfaceName);
  return functions !== undefined && Object.hasOwn(functions, name) ? functions[name] : undefined;
}
