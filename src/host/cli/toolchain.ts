import type * as toolchain from "@tasker-host/toolchain";
import { TaskerError } from "../../core/errors/index.ts";

export type Toolchain = typeof toolchain;

/**
 * The build toolchain, loaded when a command needs it: an operator's host runs without it.
 * @throws TSK_HOST_TOOLCHAIN_MISSING where it is not installed.
 */
export async function loadToolchain(): Promise<Toolchain> {
  try {
    return await import("@tasker-host/toolchain");
  } catch (error) {
    throw new TaskerError("TSK_HOST_TOOLCHAIN_MISSING", {
      attempted: "Cannot build handlers",
      found: "the package @tasker-host/toolchain cannot be loaded",
      accepted: "an installation with the toolchain workspace (`npm ci` in a clone)",
      cause: error,
    });
  }
}
