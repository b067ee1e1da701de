import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";

/** One request as the API got it. */
export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly body: string;
}

/** An answer, or "hang up" for a connection that breaks without one. */
export type ScriptedAnswer =
  | { readonly status: number; readonly text: string; readonly retryAfter?: string }
  | "hang up";

export interface ScriptedApi extends AsyncDisposable {
  readonly url: string;
  readonly seen: readonly SeenRequest[];
}

/** A server that answers what `answer` says: what a host under trouble, or another orchestrator, may send. */
export async function scriptedApi(answer: (request: SeenRequest) => ScriptedAnswer): Promise<ScriptedApi> {
  const seen: SeenRequest[] = [];
  const server = createServer((request, response) => void respond(request, response));
  async function respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(Buffer.from(chunk));
    const got = { method: request.method ?? "", path: request.url ?? "", body: Buffer.concat(chunks).toString() };
    seen.push(got);
    const answered = answer(got);
    if (answered === "hang up") return void request.socket.destroy();
    const headers = answered.retryAfter === undefined ? {} : { "retry-after": answered.retryAfter };
    response.writeHead(answered.status, { "content-type": "application/json", ...headers }).end(answered.text);
  }
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("The server does not listen on a port");
  const dispose = async (): Promise<void> => {
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  };
  return { url: `http://127.0.0.1:${address.port}`, seen, [Symbol.asyncDispose]: dispose };
}
