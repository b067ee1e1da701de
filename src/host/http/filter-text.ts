import { z } from "@hono/zod-openapi";

/** Text to compare stored text with: only what Postgres can hold, as it answers anything else with an error. */
export function filterText(maxCharacters: number): z.ZodString {
  const rule = `text of at most ${maxCharacters} characters without U+0000`;
  return z
    .string(rule)
    .max(maxCharacters, rule)
    .refine((text) => text.isWellFormed() && !text.includes("\0"), rule);
}
