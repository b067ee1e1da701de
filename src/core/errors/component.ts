import type { ErrorEntry } from "./catalogue.ts";

/** Why a component's bytes are refused: the gate between an upload and the registry. */
export const COMPONENT_ERRORS = {
  TSK_COMPONENT_UNKNOWN: {
    summary: "No component with the digest is stored",
    fault: "system",
    remedy: "Register the component again; its row was deleted while a step still named it",
    httpStatus: 404,
  },
  TSK_COMPONENT_CALLABLE_TAKEN: {
    summary: "Another active component of the namespace serves one of the callables",
    fault: "user",
    remedy:
      "Rename the callable, or free it with `tasker-host handlers deactivate NAMESPACE/NAME` for the handler that serves it",
    httpStatus: 409,
  },
  TSK_COMPONENT_NOT_A_COMPONENT: {
    summary: "The bytes are not a WebAssembly component",
    fault: "user",
    remedy:
      "Build the handler with `tasker-host build`, or any toolchain that makes a component for `tasker:handler@1.0.0`",
    httpStatus: 422,
  },
  TSK_COMPONENT_MALFORMED: {
    summary: "The component's structure is broken (truncated, bad number, sizes beyond the bytes, unknown section)",
    fault: "user",
    remedy: "Build the component again and check that the upload is complete",
    httpStatus: 422,
  },
  TSK_COMPONENT_TOO_LARGE: {
    summary: "The component, or a part of it, is larger, deeper or more numerous than the gate admits",
    fault: "user",
    remedy: "Make the part that the error names smaller, or split the handler into several components",
    httpStatus: 413,
  },
  TSK_COMPONENT_NAME_REFUSED: {
    summary: "A name in the component holds characters that the gate does not admit",
    fault: "user",
    remedy: "Rename it, or build with a toolchain that keeps to plain names",
    httpStatus: 422,
  },
  TSK_COMPONENT_UNSUPPORTED: {
    summary: "The component uses a feature that this runtime does not run",
    fault: "user",
    remedy: "Build it without the feature that the error names",
    httpStatus: 422,
  },
  TSK_COMPONENT_IMPORT_REFUSED: {
    summary: "The component imports what this runtime does not offer, or offers with another type",
    fault: "user",
    remedy: "Build it against `tasker:handler@1.0.0` and the WASI 0.2 subset that docs/security.md lists",
    httpStatus: 422,
  },
  TSK_COMPONENT_EXPORT_MISMATCH: {
    summary: "The component does not export `tasker:handler/step-handler@1.0.0` with its exact types",
    fault: "user",
    remedy: "Build it against the world `handler` of `tasker:handler@1.0.0`",
    httpStatus: 422,
  },
  TSK_COMPONENT_INVALID: {
    summary: "The component, or a core module in it, is not valid WebAssembly",
    fault: "user",
    remedy: "Build the component again with a toolchain that validates its output",
    httpStatus: 422,
  },
  TSK_COMPONENT_PLAN_MISMATCH: {
    summary: "The two independent readings of how the component's modules are linked do not agree",
    fault: "user",
    remedy: "Build the component with a common toolchain; if it was, report it with the component's digest",
    httpStatus: 422,
  },
  TSK_COMPONENT_DESCRIBE_FAILED: {
    summary: "The component's `describe` did not return a manifest",
    fault: "guest",
    remedy: "Make `describe` answer without imports and within its budget; the error says how it ended",
    httpStatus: 422,
  },
  TSK_COMPONENT_MANIFEST_INVALID: {
    summary: "The manifest that `describe` returned breaks the rules for names, versions or callables",
    fault: "user",
    remedy: "Correct the member that the error names",
    httpStatus: 422,
  },
  TSK_COMPONENT_PREPARE_LIMIT: {
    summary: "Preparing the component took more time or memory than an upload may",
    fault: "user",
    remedy: "Make the component smaller or simpler, or raise the limits of section `sandbox`",
    httpStatus: 422,
  },
  TSK_COMPONENT_PREPARE_LOST: {
    summary: "The disposable process that worked on the component died or answered what it must not",
    fault: "user",
    remedy: "Nothing was stored and the next upload is not affected; if a well-built component does this, report it",
    httpStatus: 422,
  },
  TSK_COMPONENT_ARTIFACT_CORRUPT: {
    summary: "A stored artifact is not what was stored",
    fault: "system",
    remedy: "Upload the same bytes again, to any host: that repairs it; and look at the health of the storage",
    httpStatus: 500,
  },
  TSK_COMPONENT_RESERVED_IMPORT: {
    summary: "A core module imports from the namespace in which metering puts the budgets",
    fault: "user",
    remedy: "Rename the import: nothing outside this host may name what lies there",
    httpStatus: 422,
  },
  TSK_COMPONENT_METER_FAILED: {
    summary: "Metering made an invalid module of a valid one",
    fault: "system",
    remedy: "This is a defect of the host: report it with the component's digest; nothing was stored",
    httpStatus: 500,
  },
} as const satisfies Record<`TSK_${string}`, ErrorEntry>;
