import { AbiError } from "./canonical-abi/abi-error.ts";

/** What stands behind a handle. All resources of the virtual WASI are one of these. */
export type Resource =
  | { readonly type: "wasi:io/streams#input-stream" }
  | { readonly type: "wasi:io/streams#output-stream"; readonly stream: "stdout" | "stderr" }
  | { readonly type: "wasi:io/poll#pollable"; readonly readyAtNs: bigint };

const MAX_HANDLES = 1_024;

/** The handles that one run holds. Indices start at 1 and the lowest free one is taken, as the component model has it. */
export class HandleTable {
  readonly #entries = new Map<number, Resource>();
  readonly #free: number[] = [];

  add(resource: Resource): number {
    if (this.#entries.size >= MAX_HANDLES) throw new AbiError(`more than ${MAX_HANDLES} handles`);
    const index = this.#free.pop() ?? this.#entries.size + 1;
    this.#entries.set(index, resource);
    return index;
  }

  get<T extends Resource["type"]>(handle: unknown, type: T): Extract<Resource, { type: T }> {
    const resource = typeof handle === "number" ? this.#entries.get(handle) : undefined;
    if (!isOf(resource, type)) throw new AbiError(`no handle of ${type} has the number ${String(handle)}`);
    return resource;
  }

  drop(handle: unknown, type: string): void {
    const index = typeof handle === "number" ? handle >>> 0 : 0;
    if (this.#entries.get(index)?.type !== type) throw new AbiError(`no handle of ${type} has the number ${index}`);
    this.#entries.delete(index);
    this.#free.push(index);
  }
}

function isOf<T extends Resource["type"]>(
  resource: Resource | undefined,
  type: T,
): resource is Extract<Resource, { type: T }> {
  return resource?.type === type;
}
