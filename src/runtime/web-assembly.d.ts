/**
 * The part of V8's WebAssembly JavaScript API that the runtime uses. Node's own types leave it to the DOM library,
 * whose hundreds of other names do not exist here.
 */
declare namespace WebAssembly {
  interface ModuleImportDescriptor {
    readonly module: string;
    readonly name: string;
    readonly kind: "function" | "table" | "memory" | "global" | "tag";
  }
  interface ModuleExportDescriptor {
    readonly name: string;
    readonly kind: "function" | "table" | "memory" | "global" | "tag";
  }
  type ExportValue = ((...args: unknown[]) => unknown) | Global | Memory | Table | Tag;
  type ImportValue = ExportValue | number | bigint;
  type Imports = Readonly<Record<string, Readonly<Record<string, ImportValue>>>>;

  class Module {
    readonly [Symbol.toStringTag]: "WebAssembly.Module";
    constructor(bytes: Uint8Array<ArrayBuffer>);
    static imports(module: Module): ModuleImportDescriptor[];
    static exports(module: Module): ModuleExportDescriptor[];
  }
  class Instance {
    constructor(module: Module, imports?: Imports);
    readonly exports: Readonly<Record<string, ExportValue>>;
  }
  class Memory {
    constructor(descriptor: { readonly initial: number; readonly maximum?: number });
    readonly buffer: ArrayBuffer;
    grow(pages: number): number;
  }
  class Table {
    constructor(descriptor: {
      readonly element: "anyfunc" | "externref";
      readonly initial: number;
      readonly maximum?: number;
    });
    readonly length: number;
    get(index: number): unknown;
  }
  class Global<T extends number | bigint = number | bigint> {
    constructor(descriptor: { readonly value: "i32" | "i64" | "f32" | "f64"; readonly mutable?: boolean }, value: T);
    value: T;
  }
  class Tag {
    readonly [Symbol.toStringTag]: "WebAssembly.Tag";
    constructor(descriptor: { readonly parameters: readonly string[] });
  }
  class RuntimeError extends Error {}
  class LinkError extends Error {}
  class CompileError extends Error {}
  class Exception {
    readonly stack?: string;
    is(tag: Tag): boolean;
  }

  function validate(bytes: Uint8Array<ArrayBuffer>): boolean;
  function compile(bytes: Uint8Array<ArrayBuffer>): Promise<Module>;
}
