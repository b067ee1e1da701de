import { success, watComponent, words } from "../../runtime/support/wat-component.ts";

export interface VersionComponent {
  readonly name: string;
  readonly version: string;
  readonly callable: string;
  /** Interfaces of WASI whose first function it imports, without using it. */
  readonly log?: boolean;
  /** Makes other bytes of the same names. */
  readonly salt?: string;
}

/** A component that answers `{"version":"…"}` with its own version. */
export function versionComponent(of: VersionComponent): Promise<Uint8Array<ArrayBuffer>> {
  const { name, version, callable, log = false, salt = "" } = of;
  const result = JSON.stringify({ version });
  // Texts lie one after the other behind the manifest.
  const texts = [name, version, callable, "test/1", result, salt];
  const at = texts.map((_, index) => 3_200 + texts.slice(0, index).join("").length);
  const place = (index: number): [number, number] => [at[index] ?? 0, texts[index]?.length ?? 0];
  return watComponent({
    imports: log ? `(import "tasker:handler/log@1.0.0" "log" (func $log (param i32 i32 i32 i32 i32)))` : "",
    describe: "(i32.const 3072)",
    fields: `
      (data (i32.const 1200) "{}")
      (data (i32.const 3072) "${words(...place(0), ...place(1), 3_120, 1, ...place(3))}")
      (data (i32.const 3120) "${words(...place(2))}")
      (data (i32.const 3200) "${texts.join("").replaceAll('"', '\\"')}")`,
    handle: success(`(i32.const ${place(4)[0]})`, `(i32.const ${place(4)[1]})`),
  });
}
