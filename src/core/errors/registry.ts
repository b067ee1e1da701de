import type { ErrorEntry } from "./catalogue.ts";

/** Versions of handlers: uploading, promoting, rolling back, and what a namespace was granted. */
export const REGISTRY_ERRORS = {
  TSK_REGISTRY_VERSION_CONFLICT: {
    summary: "The version has other bytes, or had them before it was deleted; versions never change",
    fault: "user",
    remedy: "Raise the version in handler.toml, build, and upload that",
    httpStatus: 409,
  },
  TSK_REGISTRY_MANIFEST_MISMATCH: {
    summary: "The component calls itself otherwise than the upload does",
    fault: "user",
    remedy: "Upload under the name and version that the component's own manifest has, or build it anew with the others",
    httpStatus: 422,
  },
  TSK_REGISTRY_NAMESPACE_INVALID: {
    summary: "The name is none that a namespace can have",
    fault: "user",
    remedy: "Rename the folder under `--handlers`, or register the handler under another namespace",
    httpStatus: 400,
  },
  TSK_REGISTRY_SOURCE_MAP_INVALID: {
    summary: "What came as the component's source map is none",
    fault: "user",
    remedy: "Bring along the map that the build wrote beside the component, or none",
    httpStatus: 422,
  },
  TSK_REGISTRY_HANDLER_UNKNOWN: {
    summary: "The namespace has no handler of this name",
    fault: "user",
    remedy: "`tasker-host handlers list` shows what there is",
    httpStatus: 404,
  },
  TSK_REGISTRY_VERSION_UNKNOWN: {
    summary: "The handler has no such version",
    fault: "user",
    remedy: "`tasker-host handlers show NAMESPACE/NAME` shows the versions that there are",
    httpStatus: 404,
  },
  TSK_REGISTRY_VERSION_DEPRECATED: {
    summary: "The version is deprecated and may not become active any more",
    fault: "user",
    remedy: "Promote another version, or take it back with `tasker-host handlers deprecate … --undo`",
    httpStatus: 409,
  },
  TSK_REGISTRY_VERSION_ACTIVE: {
    summary: "The version is the active one of its handler",
    fault: "user",
    remedy: "Promote another version, roll back, or `tasker-host handlers deactivate NAMESPACE/NAME` first",
    httpStatus: 409,
  },
  TSK_REGISTRY_NOTHING_ACTIVE: {
    summary: "The handler has no active version",
    fault: "user",
    remedy: "`tasker-host handlers list` shows what is active",
    httpStatus: 409,
  },
  TSK_REGISTRY_VERSION_IN_USE: {
    summary: "Steps run with the version, or were run by it and wait to be tried again",
    fault: "user",
    remedy: "Wait until they have ended; `tasker-host handlers steps` shows them",
    httpStatus: 409,
  },
  TSK_REGISTRY_NOTHING_BEFORE: {
    summary: "There is no earlier version to roll back to",
    fault: "user",
    remedy: "Promote the version that shall run; `tasker-host handlers show NAMESPACE/NAME` lists them",
    httpStatus: 409,
  },
  TSK_REGISTRY_BUSY: {
    summary: "As many uploads as this host works on wait already",
    fault: "system",
    remedy: "Try again after the seconds that `Retry-After` names, or raise `registry.max_uploads`",
    httpStatus: 503,
  },
  TSK_GRANT_MISSING: {
    summary: "The version imports what its namespace was not granted",
    fault: "user",
    remedy:
      "Grant the capability with `tasker-host grants set`, within `grants.ceilings.capabilities`, or build the handler without the import",
    httpStatus: 409,
  },
  TSK_GRANT_APPROVAL_NEEDED: {
    summary: "The version imports more than what ran its callables last, and nobody has approved that",
    fault: "user",
    remedy:
      "Let somebody with the permission `handlers:approve` look at it and run `tasker-host handlers approve NAMESPACE/NAME VERSION`",
    httpStatus: 409,
  },
  TSK_GRANT_INVALID: {
    summary:
      "The grants name a capability that there is not, or a limit beyond the host's ceilings or too low for any run",
    fault: "user",
    remedy: "Correct the member that the error names; ceilings stand in section `grants` of the configuration",
    httpStatus: 422,
  },
} as const satisfies Record<`TSK_${string}`, ErrorEntry>;
