import type { ErrorEntry } from "./catalogue.ts";

/** Why the build toolchain made no component. It stands alone and throws them as its own `BuildError`. */
export const BUILD_ERRORS = {
  TSK_BUILD_CONFIG: {
    summary: "`handler.toml` is missing, unreadable, or says something that is not accepted",
    fault: "user",
    remedy: "Correct the key that the error names; docs/handlers.md has all keys",
    httpStatus: 422,
  },
  TSK_BUILD_SOURCE: {
    summary: "A source file has a syntax error, or AssemblyScript's compiler refuses it",
    fault: "user",
    remedy: "Correct the source at the place that the error names",
    httpStatus: 422,
  },
  TSK_BUILD_IMPORT: {
    summary: "An import of a source file leads nowhere",
    fault: "user",
    remedy:
      "Correct the path, or install the package where the handler is built; Node's own modules are not there for handlers",
    httpStatus: 422,
  },
  TSK_BUILD_EVALUATION: {
    summary: "The entry's top level throws, or its default export holds no handlers",
    fault: "user",
    remedy: "Export `defineHandlers({ … })` as default, and keep the top level free of what only a step has",
    httpStatus: 422,
  },
  TSK_BUILD_ENGINE: {
    summary: "The engine, the componentizer or the component does not do what this toolchain knows of it",
    fault: "system",
    remedy: "Install the versions of package-lock.json (`npm ci`); if they are, report it with the handler's source",
    httpStatus: 500,
  },
} as const satisfies Record<`TSK_${string}`, ErrorEntry>;
