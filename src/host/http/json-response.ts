/** An answer whose JSON text stands already. */
export function jsonResponse(text: string, status: number = 200): Response {
  return new Response(text, { status, headers: { "content-type": "application/json" } });
}
