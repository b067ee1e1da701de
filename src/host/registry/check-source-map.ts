import { TaskerError } from "../../core/errors/index.ts";
import { readSourceMap, SOURCE_MAP_RULE } from "../../runtime/index.ts";

/** @throws TSK_REGISTRY_SOURCE_MAP_INVALID: what is kept beside a component must be able to explain its errors. */
export function checkSourceMap(text: string): void {
  const reading = readSourceMap(text);
  if (reading.kind === "readable") return;
  throw new TaskerError("TSK_REGISTRY_SOURCE_MAP_INVALID", {
    attempted: "Cannot keep the source map",
    found: reading.found,
    accepted: SOURCE_MAP_RULE,
  });
}
