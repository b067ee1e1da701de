import type { ErrorEntry } from "./catalogue.ts";

/** The host itself: starting, stopping, its surroundings. */
export const HOST_ERRORS = {
  TSK_HOST_TOOLCHAIN_MISSING: {
    summary: "A command that builds handlers found no build toolchain",
    fault: "user",
    remedy:
      "Run the command where the toolchain is installed, or build the components elsewhere and bring the .wasm files",
    httpStatus: 500,
  },
  TSK_HOST_HANDLERS_NOT_FOUND: {
    summary: "The folder given to `run --handlers` does not exist, or the one given to `build` holds no handler",
    fault: "user",
    remedy:
      "Give an existing folder: for `run` one with a subfolder for each namespace, for `build` one with a handler.toml; see docs/handlers.md",
    httpStatus: 404,
  },
  TSK_HOST_HANDLER_UNBUILT: {
    summary: "A folder holds the source of a handler that was never built",
    fault: "user",
    remedy: "Run `tasker-host build` on the folder; the host itself builds nothing",
    httpStatus: 404,
  },
  TSK_HOST_NAMESPACE_UNSERVED: {
    summary: "The host cannot claim steps of a namespace",
    fault: "system",
    remedy: "See what the error names; the host tries again every `registry.poll_interval_seconds`",
    httpStatus: 503,
  },
  TSK_HOST_CALLABLE_TAKEN: {
    summary: "Two native handlers want the same callable",
    fault: "user",
    remedy: "Subscribe one handler for each callable",
    httpStatus: 409,
  },
  TSK_HOST_NODE_TOO_OLD: {
    summary: "The system's Node is older than 26, and npm brought no other",
    fault: "user",
    remedy: "Install with optional dependencies (`npm ci`), or install Node 26",
    httpStatus: 500,
  },
  TSK_HOST_DATA_DIR_BUSY: {
    summary: "Another host uses the data directory",
    fault: "user",
    remedy: "Stop that host, or give this one another `database.embedded_data_dir`; many hosts share one DATABASE_URL",
    httpStatus: 409,
  },
  TSK_HOST_INTERNAL: {
    summary: "The host met a state that its authors did not foresee",
    fault: "system",
    remedy: "Report it with the log lines around it",
    httpStatus: 500,
  },
} as const satisfies Record<`TSK_${string}`, ErrorEntry>;
