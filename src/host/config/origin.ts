/** Where a value came from. */
export type Origin =
  | { readonly kind: "file"; readonly path: string; readonly line: number | undefined }
  | { readonly kind: "variable"; readonly name: string }
  | { readonly kind: "flag"; readonly name: string };

export function describeOrigin(origin: Origin): string {
  switch (origin.kind) {
    case "file":
      return origin.line === undefined ? origin.path : `${origin.path}:${origin.line}`;
    case "variable":
      return `environment variable ${origin.name}`;
    case "flag":
      return `flag ${origin.name}`;
    default:
      return origin satisfies never;
  }
}
