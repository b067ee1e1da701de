/** The world of a handler that also imports the parts of WASI 0.2 which hand-written guests call. */
import { WIT_SOURCE } from "./wat-component.ts";

const WASI = `
package wasi:io@0.2.3 {
  interface error { resource error; }
  interface poll { resource pollable { ready: func() -> bool; block: func(); } poll: func(in: list<borrow<pollable>>) -> list<u32>; }
  interface streams {
    use error.{error};
    variant stream-error { last-operation-failed(error), closed }
    resource input-stream { read: func(len: u64) -> result<list<u8>, stream-error>; }
    resource output-stream { write: func(contents: list<u8>) -> result<_, stream-error>; }
  }
}
package wasi:cli@0.2.3 {
  interface environment { get-environment: func() -> list<tuple<string, string>>; initial-cwd: func() -> option<string>; }
  interface exit { exit: func(status: result); }
  interface stdout { use wasi:io/streams@0.2.3.{output-stream}; get-stdout: func() -> output-stream; }
}
package wasi:clocks@0.2.3 {
  interface wall-clock { record datetime { seconds: u64, nanoseconds: u32 } now: func() -> datetime; }
  interface monotonic-clock { use wasi:io/poll@0.2.3.{pollable}; now: func() -> u64; subscribe-duration: func(when: u64) -> pollable; }
}
package wasi:random@0.2.3 { interface random { get-random-u64: func() -> u64; get-random-bytes: func(len: u64) -> list<u8>; } }
package wasi:filesystem@0.2.3 {
  interface types { enum error-code { access } resource descriptor { sync: func() -> result<_, error-code>; } }
  interface preopens { use types.{descriptor}; get-directories: func() -> list<tuple<descriptor, string>>; }
}
`;
export const WASI_WIT = `${WIT_SOURCE.replace(
  "import log;",
  `import log;
   import wasi:io/poll@0.2.3; import wasi:io/streams@0.2.3; import wasi:cli/environment@0.2.3; import wasi:cli/exit@0.2.3;
   import wasi:cli/stdout@0.2.3; import wasi:clocks/wall-clock@0.2.3; import wasi:clocks/monotonic-clock@0.2.3;
   import wasi:random/random@0.2.3; import wasi:filesystem/types@0.2.3; import wasi:filesystem/preopens@0.2.3;`,
)}\n${WASI}`;
