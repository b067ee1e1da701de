import type { RecordedPlan } from "../link-plan.ts";
import { checkBytes } from "./check-bytes.ts";
import { checkNames } from "./check-names.ts";
import { recordPlan } from "./record-plan.ts";
import { stripCustomSections } from "./strip-custom.ts";
import { transpile } from "./transpile.ts";

/** What the translate process does with an upload: our own checks first, then foreign code, then a recording of it. */
export async function translate(bytes: Uint8Array<ArrayBuffer>, maxComponentBytes: number): Promise<RecordedPlan> {
  const checked = checkBytes(bytes, maxComponentBytes);
  checkNames(checked);
  const transpiled = await transpile(stripCustomSections(checked.bytes));
  return recordPlan(transpiled);
}
