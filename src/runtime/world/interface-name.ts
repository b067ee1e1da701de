/** `wasi:io/streams@0.2.6` taken apart. */
export interface InterfaceName {
  /** `wasi:io/streams` */
  readonly name: string;
  /** `0.2.6`, or empty. */
  readonly version: string;
}

export function interfaceName(full: string): InterfaceName {
  const at = full.indexOf("@");
  return at < 0 ? { name: full, version: "" } : { name: full.slice(0, at), version: full.slice(at + 1) };
}
