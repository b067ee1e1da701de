import { TaskerError } from "../../core/errors/index.ts";

const ATTEMPTED = "Cannot read the request's body";

/**
 * Lets JSON through only where it is called so. A page of another origin may send any other type from a visitor's browser
 * without asking first, also to an API that answers no other origins.
 *
 * @throws TSK_REQUEST_INVALID
 */
export function requireJson(contentType: string | undefined): void {
  const type = contentType?.split(";")[0]?.trim().toLowerCase() ?? "";
  if (type === "application/json") return;
  const found = type === "" ? "no content type" : `content type ${JSON.stringify(type.slice(0, 80))}`;
  throw new TaskerError("TSK_REQUEST_INVALID", { attempted: ATTEMPTED, found, accepted: '"application/json"' });
}

/**
 * The body as text, counted while it is read: a body without an honest length costs no more than the limit.
 *
 * @throws TSK_REQUEST_TOO_LARGE, TSK_REQUEST_BODY_INCOMPLETE, TSK_JSON_MALFORMED where the bytes are not UTF-8, and the reason of `deadline`.
 */
export async function readBody(request: Request, maxBytes: number, deadline: AbortSignal): Promise<string> {
  return textOf(await readBytes(request, maxBytes, deadline, () => bodyTooLarge(maxBytes)));
}

/** The body as it is, counted while it is read. @throws what `tooLarge` makes, TSK_REQUEST_BODY_INCOMPLETE and the reason of `deadline`. */
export async function readBytes(
  request: Request,
  maxBytes: number,
  deadline: AbortSignal,
  tooLarge: () => TaskerError,
): Promise<Uint8Array<ArrayBuffer>> {
  if (Number(request.headers.get("content-length") ?? 0) > maxBytes) throw tooLarge();
  return Buffer.concat(await readChunks(request, maxBytes, deadline, tooLarge));
}

/** @throws TSK_JSON_MALFORMED where the bytes are not UTF-8 */
export function textOf(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new TaskerError("TSK_JSON_MALFORMED", { attempted: ATTEMPTED, found: "bytes that are not UTF-8", cause });
  }
}

async function readChunks(
  request: Request,
  maxBytes: number,
  deadline: AbortSignal,
  tooLarge: () => TaskerError,
): Promise<Uint8Array[]> {
  const reader = request.body?.getReader();
  if (reader === undefined) return [];
  const giveUp = (): void => void reader.cancel(deadline.reason).catch(() => undefined);
  deadline.addEventListener("abort", giveUp, { once: true });
  try {
    const chunks: Uint8Array[] = [];
    let total = 0;
    for (;;) {
      const { done, value } = await reader.read().catch((cause: unknown) => {
        deadline.throwIfAborted();
        const found = `the connection ended after ${total} bytes`;
        throw new TaskerError("TSK_REQUEST_BODY_INCOMPLETE", { attempted: ATTEMPTED, found, cause });
      });
      deadline.throwIfAborted();
      if (done) return chunks;
      total += value.byteLength;
      if (total > maxBytes) {
        giveUp();
        throw tooLarge();
      }
      chunks.push(value);
    }
  } finally {
    deadline.removeEventListener("abort", giveUp);
  }
}

function bodyTooLarge(maxBytes: number): TaskerError {
  return new TaskerError("TSK_REQUEST_TOO_LARGE", {
    attempted: ATTEMPTED,
    found: `more than ${maxBytes} bytes`,
    accepted: `at most ${maxBytes}`,
  });
}
