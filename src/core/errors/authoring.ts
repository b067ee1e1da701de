import type { ErrorEntry } from "./catalogue.ts";

/** An author's project and its fixtures: `tasker-host new`, `test` and `dev`. */
export const AUTHORING_ERRORS = {
  TSK_PROJECT_NAME_INVALID: {
    summary: "The name or the namespace given to `tasker-host new` is none that handlers can have",
    fault: "user",
    remedy: "Choose a name by the rule that the error states; it names the component, its task template and its folder",
    httpStatus: 422,
  },
  TSK_PROJECT_EXISTS: {
    summary: "`tasker-host new` found something where the project's folder would be",
    fault: "user",
    remedy: "Choose another name, or run the command in another folder; nothing was written",
    httpStatus: 409,
  },
  TSK_FIXTURE_INVALID: {
    summary: "A fixture is no JSON, or says something that is not accepted",
    fault: "user",
    remedy: "Correct the file at the place that the error names; docs/handlers.md lists all members of a fixture",
    httpStatus: 422,
  },
  TSK_FIXTURE_CALLABLE_UNKNOWN: {
    summary: "A fixture names a callable that its handler does not serve",
    fault: "user",
    remedy: "Correct the fixture's `callable`, or register a handler of that name",
    httpStatus: 404,
  },
} as const satisfies Record<`TSK_${string}`, ErrorEntry>;
