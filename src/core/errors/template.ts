import type { ErrorEntry } from "./catalogue.ts";

/** Task templates that cannot be registered. */
export const TEMPLATE_ERRORS = {
  TSK_TEMPLATE_INVALID: {
    summary: "A task template breaks the rules",
    fault: "user",
    remedy: "Correct the key at the file and line that the error names",
    httpStatus: 422,
  },
  TSK_TEMPLATE_SYNTAX: {
    summary: "A task template is no YAML document, or holds what JSON cannot",
    fault: "user",
    remedy: "Correct the spelling at the file and line that the error names",
    httpStatus: 422,
  },
  TSK_TEMPLATE_DUPLICATE_STEP: {
    summary: "Two steps of a task template have the same name",
    fault: "user",
    remedy: "Give each step a name of its own",
    httpStatus: 422,
  },
  TSK_TEMPLATE_UNKNOWN_DEPENDENCY: {
    summary: "A step depends on a step that the template does not have",
    fault: "user",
    remedy: "Correct the name in `dependencies`, or add the step",
    httpStatus: 422,
  },
  TSK_TEMPLATE_CYCLE: {
    summary: "Steps of a task template wait for each other",
    fault: "user",
    remedy: "Take one dependency out of the circle that the error prints",
    httpStatus: 422,
  },
  TSK_TEMPLATE_UNKNOWN_HANDLER: {
    summary: "A step names a callable that no loaded component and no native handler serves",
    fault: "user",
    remedy: "Build and load the component that lists the callable, or correct `handler.callable`",
    httpStatus: 422,
  },
  TSK_TEMPLATE_WRONG_NAMESPACE: {
    summary: "A task template lies in the folder of another namespace",
    fault: "user",
    remedy: "Correct `namespace_name`, or move the file",
    httpStatus: 422,
  },
} as const satisfies Record<`TSK_${string}`, ErrorEntry>;
