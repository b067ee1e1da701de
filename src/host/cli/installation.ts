import { join } from "node:path";

/** The folder of this installation, with the SDKs, the toolchain and the templates of projects in it. */
export function installationRoot(): string {
  return join(import.meta.dirname, "../../..");
}
