export { ERROR_CATALOGUE, type ErrorCode, type ErrorEntry } from "./catalogue.ts";
export { isTaskerError, TaskerError, type ErrorFacts } from "./tasker-error.ts";
