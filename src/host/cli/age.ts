import { InvalidArgumentError } from "commander";

const UNITS_MS = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** `30d`, `24h`, `10m`, `90s` as milliseconds. @throws InvalidArgumentError, which commander reports. */
export function parseAge(text: string): number {
  const [, amount, unit] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  if (amount === undefined || (unit !== "s" && unit !== "m" && unit !== "h" && unit !== "d")) {
    throw new InvalidArgumentError('Not an age such as "30d", "24h", "10m" or "90s".');
  }
  return Number(amount) * UNITS_MS[unit];
}

/** `60`, `0.5`. */
export function parseSeconds(value: string): number {
  const seconds = Number(value);
  if (!Number.isFinite(seconds) || seconds <= 0) throw new InvalidArgumentError("Not a number of seconds above 0.");
  return seconds;
}
