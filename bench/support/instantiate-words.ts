/** What `bench/instantiate.ts` and its measuring process say to each other. */
import { z } from "zod";

const request = z.object({
  plan: z.object({ warmUpMs: z.number(), sampleMs: z.number(), pairs: z.int() }),
  /** Part of the names of the engines to run; all without it. */
  only: z.string().optional(),
});
export type InstantiateRequest = z.infer<typeof request>;

const program = z.object({
  ratio: z.number(),
  min: z.number(),
  max: z.number(),
  baseMs: z.number(),
  measuredMs: z.number(),
  /** The bare instance, the copy. */
  basePartsMs: z.array(z.number()).readonly(),
  copiedBytes: z.int(),
});
/** Base is the bare instance with its memory copied, measured the whole step; milliseconds of one run. */
export type InstantiateProgram = z.infer<typeof program>;

const answer = z.record(z.string(), program);

export function readInstantiateRequest(text: string | undefined): InstantiateRequest {
  return request.parse(JSON.parse(text ?? "{}"));
}

export function readInstantiateAnswer(value: unknown): Readonly<Record<string, InstantiateProgram>> {
  return answer.parse(value);
}
