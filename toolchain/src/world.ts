import { readFileSync } from "node:fs";
import { join } from "node:path";

/** The contract that components are built for. */
const CONTRACT = "tasker:handler@1.0.0";
export const WORLD = "handler";
/** Its WIT files. */
export const CONTRACT_FOLDER: string = join(import.meta.dirname, "../../wit/tasker-handler@1.0.0");
const VERSION = CONTRACT.slice(CONTRACT.indexOf("@"));

/** Interfaces that every component may import. `abort` is for languages that cannot return their exceptions. */
const FREE_INTERFACES = ["log", "abort"];

const TYPES = readInterfaces("types.wit");
const CAPABILITIES = readInterfaces("capabilities.wit");

/** Capabilities that a handler can ask for in its `handler.toml`, besides `log`, which is always there. */
export const GRANTABLE_CAPABILITIES: readonly string[] = Array.from(
  CAPABILITIES.matchAll(/^interface ([a-z][a-z0-9-]*)/gm),
  (match) => match[1] ?? "",
).filter((name) => !FREE_INTERFACES.includes(name));

/** The contract as one WIT text, with a world that imports `interfaces` and nothing else. */
export function worldText(interfaces: readonly string[]): string {
  const imports = interfaces.map((name) => `  import ${name};\n`).join("");
  return `package ${CONTRACT};\n${TYPES}${CAPABILITIES}\nworld ${WORLD} {\n${imports}  export step-handler;\n}\n`;
}

/** The full name of one of the contract's interfaces: `tasker:handler/log@1.0.0`. */
export function interfaceName(name: string): string {
  return `${CONTRACT.slice(0, -VERSION.length)}/${name}${VERSION}`;
}

function readInterfaces(file: string): string {
  return readFileSync(join(CONTRACT_FOLDER, file), "utf8").replace(/^package .*;$/m, "");
}
