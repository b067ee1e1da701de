import { type ErrorCode, TaskerError } from "../../core/errors/index.ts";

/** Why a component is refused: any code of its own area. */
export type ComponentErrorCode = Extract<ErrorCode, `TSK_COMPONENT_${string}`>;

/** Throws the refusal of a component. `found` and `accepted` are parts of one sentence. */
export function refuse(code: ComponentErrorCode, found: string, accepted?: string): never {
  throw new TaskerError(code, {
    attempted: "Cannot prepare the component",
    found,
    ...(accepted === undefined ? {} : { accepted }),
  });
}

/** A hostile text as it may stand in a message: quoted, escaped, cut after 120 characters. */
export function quoted(text: string): string {
  return JSON.stringify(text.length > 120 ? `${text.slice(0, 120)}…` : text);
}
