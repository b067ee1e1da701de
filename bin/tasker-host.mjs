#!/usr/bin/env node
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { runWithNode26 } from "./node26.mjs";

const path = (relative) => fileURLToPath(new URL(relative, import.meta.url));
const emitted = path("../dist/src/host/cli/main.js");

// A signal must not open the host's inspector to a sandbox process that shares its uid.
const flags = ["--disable-sigusr1", "--disable-warning=ExperimentalWarning"];
const main = existsSync(emitted) ? emitted : path("../src/host/cli/main.ts");
runWithNode26([...flags, main, ...process.argv.slice(2)]);
