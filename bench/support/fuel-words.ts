/** What `bench/fuel.ts` and its measuring process say to each other. */
import { z } from "zod";

const request = z.object({
  plan: z.object({ warmUpMs: z.number(), sampleMs: z.number(), pairs: z.int() }),
  /** Part of the names of the programs to run; all without it. */
  only: z.string().optional(),
  /** Leave the metered side out: for its comparison with other flags. */
  plainOnly: z.boolean(),
});
export type FuelRequest = z.infer<typeof request>;

const comparison = z.object({
  ratio: z.number(),
  min: z.number(),
  max: z.number(),
  baseMs: z.number(),
  measuredMs: z.number(),
});
/** Base is the plain program, measured the metered one; milliseconds of one run. */
export type FuelProgram = z.infer<typeof comparison>;

const answer = z.object({
  programs: z.record(z.string(), comparison),
  /** Of `plainOnly`: milliseconds of one run. */
  plainMs: z.record(z.string(), z.number()),
});
export type FuelAnswer = z.infer<typeof answer>;

export function readFuelRequest(text: string | undefined): FuelRequest {
  return request.parse(JSON.parse(text ?? "{}"));
}

export function readFuelAnswer(value: unknown): FuelAnswer {
  return answer.parse(value);
}
