import { join } from "node:path";
import { buildHandler, discoverHandlers, isUpToDate } from "@tasker-host/toolchain";

const FOLDERS = ["../../handlers", "../e2e/fixtures/handlers"].map((folder) => join(import.meta.dirname, folder));

/** Builds the components that end-to-end tests run, where they are out of date. */
export default async function setup(): Promise<void> {
  for (const folder of FOLDERS.flatMap((root) => discoverHandlers(root))) {
    if (!(await isUpToDate(folder))) await buildHandler(folder);
  }
}
