/** `tasker:handler/log` and `tasker:handler/abort`. */
import { LOG_LEVEL_LABELS } from "../../world/handler-world.ts";
import type { AbiValue } from "../canonical-abi/codec.ts";
import type { HostFunction } from "./capability.ts";

const log: HostFunction = ({ state }, [level, message, fields]) => {
  const name = LOG_LEVEL_LABELS[Number(level)] ?? "info";
  state.log({ level: name, message: text(message), fieldsJson: text(fields) });
  return undefined;
};

const abort: HostFunction = ({ state }, [message, file, line, column]) => {
  const abortMessage = text(message);
  const limit = state.limits.maxErrorBytes;
  if (Buffer.byteLength(abortMessage) + Buffer.byteLength(text(file)) > limit) {
    state.end({ kind: "output-exceeded", what: "error", limit });
  }
  return state.end({
    kind: "abort",
    message: abortMessage,
    file: text(file),
    line: Number(line),
    column: Number(column),
    stack: new Error("abort").stack ?? "",
  });
};

/** Lifting has made sure that it is a text. */
function text(value: AbiValue | undefined): string {
  return typeof value === "string" ? value : "";
}

export const HANDLER_FUNCTIONS = {
  "tasker:handler/log": { log },
  "tasker:handler/abort": { abort },
} as const;
