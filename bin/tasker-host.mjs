#!/usr/bin/env node
import { fileURLToPath } from "node:url";
import { runWithNode26 } from "./node26.mjs";

// A signal must not open the host's inspector to a sandbox process that shares its uid.
const flags = ["--disable-sigusr1", "--disable-warning=ExperimentalWarning"];
const main = fileURLToPath(new URL("../src/host/cli/main.ts", import.meta.url));
runWithNode26([...flags, main, ...process.argv.slice(2)]);
