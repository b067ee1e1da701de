import type { ErrorEntry } from "./catalogue.ts";

/** JSON that would not arrive as it was sent. */
export const JSON_ERRORS = {
  TSK_JSON_MALFORMED: {
    summary: "The text is not one JSON document",
    fault: "user",
    remedy: "Send a document that conforms to RFC 8259",
    httpStatus: 400,
  },
  TSK_JSON_UNSTORABLE: {
    summary:
      "The document is JSON, but Postgres jsonb cannot hold it unchanged (U+0000, lone surrogate, number out of range, duplicate key)",
    fault: "user",
    remedy: "Encode such values as text of your own (base64, a decimal string) before they enter the document",
    httpStatus: 400,
  },
  TSK_JSON_TOO_LARGE: {
    summary: "The document is larger or deeper than the limit",
    fault: "user",
    remedy: "Send less, or keep large data elsewhere and send a reference",
    httpStatus: 413,
  },
} as const satisfies Record<`TSK_${string}`, ErrorEntry>;
