import type { ConfigKey } from "./key.ts";

const STAND_IN = "***";

/** A value as messages and `config print` show it, in TOML spelling. */
export function shownValue(value: unknown): string {
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  if (value instanceof Date) return `the date ${value.toISOString()}`;
  return JSON.stringify(value);
}

/** A value fit to print: a secret URL keeps what is not secret in it. */
export function withoutSecret(key: ConfigKey<unknown>, value: unknown): unknown {
  return key.secret && typeof value === "string" && value !== "" ? withoutPassword(value) : value;
}

/** `postgres://user:***@host/name`; user, host and name help to find a mistake, passwords and key files do not. */
function withoutPassword(url: string): string {
  const parsed = URL.parse(url);
  if (parsed === null) return STAND_IN;
  if (parsed.password !== "") parsed.password = STAND_IN;
  for (const name of parsed.searchParams.keys().toArray()) {
    if (/pass|key|secret|token/i.test(name)) parsed.searchParams.set(name, STAND_IN);
  }
  return parsed.href;
}
