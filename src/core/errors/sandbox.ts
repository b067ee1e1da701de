import type { ErrorEntry } from "./catalogue.ts";

/** The sandbox machinery: processes, frames, walls. */
export const SANDBOX_ERRORS = {
  TSK_SANDBOX_PROTOCOL: {
    summary: "A sandbox process sent something that is no frame of the protocol; it was killed",
    fault: "system",
    remedy:
      "Nothing to do: its steps run again elsewhere. If it repeats for one namespace, look at what its handlers do",
    httpStatus: 503,
  },
  TSK_SANDBOX_STOPPED: {
    summary: "The sandbox was stopped and runs nothing any more",
    fault: "system",
    remedy: "Nothing to do during a shutdown: the step's lease is handed over and another host runs it",
    httpStatus: 503,
  },
  TSK_SANDBOX_NOT_STARTED: {
    summary: "Sandbox processes ended twice before they came to the step; no handler saw it",
    fault: "system",
    remedy:
      "Nothing to do: the step's lease is offered and its attempt goes on. Look at the steps that ended as sandbox-lost",
    httpStatus: 503,
  },
  TSK_SANDBOX_WALL_MISSING: {
    summary: "A wall that `sandbox.require` names cannot be raised on this machine; the host does not start",
    fault: "user",
    remedy:
      "Run the host where the wall stands (`tasker-host doctor` says what is missing and why), or take it off the list",
    httpStatus: 503,
  },
  TSK_SANDBOX_STACK_TOO_SMALL: {
    summary: "Sandbox processes get less stack here than the configured call depth needs; the host does not start",
    fault: "user",
    remedy:
      "Install util-linux, whose `prlimit` gives them more, start the host with a larger `ulimit -s`, or lower `sandbox.limits.max_call_depth`",
    httpStatus: 503,
  },
  TSK_SANDBOX_START_FAILED: {
    summary: "A sandbox process could not be started",
    fault: "system",
    remedy: "The error says what the operating system refused; `tasker-host doctor` shows the walls of this machine",
    httpStatus: 503,
  },
} as const satisfies Record<`TSK_${string}`, ErrorEntry>;
