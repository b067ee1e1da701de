/**
 * jco's own code wants WASI for itself. On Node its shim starts a worker thread for that, which the permission model
 * refuses; the shim's browser build does without, and the translator needs no files.
 */
import { registerHooks } from "node:module";

const SHIM = "@bytecodealliance/preview2-shim/";

/** Call before jco is loaded: its imports are resolved then. */
export function useBrowserShims(): void {
  registerHooks({
    resolve(specifier, context, next) {
      if (!specifier.startsWith(SHIM)) return next(specifier, context);
      const conditions = context.conditions.filter((condition) => condition !== "node");
      return next(specifier, { ...context, conditions });
    },
  });
}
