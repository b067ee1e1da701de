/** Prints the folder of the binaries that `findBinaries(cacheDir, folder)` answers with. */
import { findBinaries } from "../../src/host/database/embedded/binaries.ts";

const [cacheDir = "", folder = ""] = process.argv.slice(2);
process.stdout.write((await findBinaries(cacheDir, folder)).folder);
