/** Builds step handlers into components of `tasker:handler@1.0.0`. */
export { BuildError, type BuildErrorCode, type BuildErrorFacts } from "./build-error.ts";
export { isUpToDate } from "./build-files.ts";
export { buildHandler, type BuildOptions } from "./build-handler.ts";
export type { BuildReply } from "./build-process.ts";
export type { BuildReport } from "./build-report.ts";
export { discoverHandlers } from "./discover-handlers.ts";
export { type Engine, type HandlerConfig, type Language, readHandlerConfig } from "./handler-config.ts";
