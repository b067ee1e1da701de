/** `token ci 7QpXw3Ab`: who it was; a token also by its handle, as its name may belong to another one later. */
export function actorText({
  kind,
  name,
  handle,
}: {
  readonly kind: string;
  readonly name: string;
  readonly handle?: string | undefined;
}): string {
  return `${kind} ${name}${handle === undefined ? "" : ` ${handle}`}`;
}
