/** `node bin/run-script.mjs scripts/NAME.ts …`: runs a script of this repository on Node 26. */
import { runWithNode26 } from "./node26.mjs";

runWithNode26(["--disable-warning=ExperimentalWarning", ...process.argv.slice(2)]);
