/** Names: where they may not stand, what they may not hold, whom they may not call. */
import { watComponent, EMPTY_SUCCESS, WIT_SOURCE } from "../support/wat-component.ts";
import { component, joined, nameBytes, section, text, textModule } from "./binary.ts";
import { type HostileClass, upload } from "./hostile-case.ts";

const REFUSED = "TSK_COMPONENT_NAME_REFUSED";

export const NAMES: HostileClass = {
  name: "names",
  tries: "has names with characters outside the allow-list",
  wall: "names are checked before transpile, at every level",
  cases: [
    upload("a module name with a quote", "names", REFUSED, () =>
      textModule(`(import "a');process.exit(9);('" "x" (func))`),
    ),
    upload("a field name with a quote", "names", REFUSED, () =>
      textModule(`(import "a" "x'];process.exit(9);['" (func))`),
    ),
    upload("an export name with a backtick", "names", REFUSED, () =>
      textModule('(func (export "`${process.exit(9)}`"))'),
    ),
    upload("a line end", "names", REFUSED, () => textModule(`(func (export "a\\0ab"))`)),
    upload("a line separator", "names", REFUSED, () => textModule(`(func (export "a\\e2\\80\\a8b"))`)),
    upload("NUL", "names", REFUSED, () => textModule(`(func (export "a\\00b"))`)),
    upload("a comment", "names", REFUSED, () => textModule(`(func (export "a//b"))`)),
    upload("the end of a comment", "names", REFUSED, () => textModule(`(func (export "a*/b"))`)),
    upload("a backslash", "names", REFUSED, () => textModule(`(func (export "a\\5cu0027"))`)),
    upload("a look-alike", "names", REFUSED, () => textModule(`(func (export "\\d0\\b0bort"))`)),
    upload("a writing direction", "names", REFUSED, () => textModule(`(func (export "a\\e2\\80\\aeb"))`)),
    upload("a module inside a component inside", "names", REFUSED, () =>
      text(`(component (component (core module (func (export "a'b")))))`),
    ),
    upload("a name of the component's own level", "names", REFUSED, () =>
      component(section(7, joined([1, 0x42, 0])), section(10, joined([1, 0], nameBytes("a'b"), [5, 0]))),
    ),
  ],
};

export const SPECIAL_NAMES: HostileClass = {
  name: "special names",
  tries: "uses a name that is special to JavaScript objects",
  wall: "special names are refused; maps have no prototype",
  cases: [
    ...["__proto__", "constructor", "then", "prototype", "toString", "__defineGetter__", "hasOwnProperty"].map((name) =>
      upload(`an export called ${name}`, "names", REFUSED, () => textModule(`(func (export "${name}"))`)),
    ),
    upload("an import from __proto__", "names", REFUSED, () => textModule(`(import "__proto__" "x" (func))`)),
    upload("an import of valueOf", "names", REFUSED, () => textModule(`(import "m" "valueOf" (func))`)),
  ],
};

const IMPORT = "TSK_COMPONENT_IMPORT_REFUSED";

export const IMPORTS: HostileClass = {
  name: "imports",
  tries: "imports what was not granted, used or not",
  wall: "every declared import is held against the offered interfaces, versions, functions and types",
  cases: [
    ...[
      "wasi:sockets/tcp@0.2.0",
      "wasi:http/outgoing-handler@0.2.0",
      "wasi:io/poll@0.3.0",
      "wasi:cli/environment",
      "tasker:handler/log@2.0.0",
      "tasker:handler/secrets@1.0.0",
    ].map((name) =>
      upload(`an import of ${name}`, "prepare", IMPORT, () => text(`(component (import "${name}" (instance)))`)),
    ),
    upload("an import of a function", "prepare", IMPORT, () => text(`(component (import "run" (func)))`)),
    upload("an import with another type", "prepare", IMPORT, () =>
      text(`(component (import "tasker:handler/log@1.0.0" (instance (export "log" (func (param "x" string))))))`),
    ),
    upload("an import of a function that is not offered", "prepare", IMPORT, () =>
      text(`(component (import "tasker:handler/log@1.0.0" (instance (export "more" (func)))))`),
    ),
    upload("an import of a module", "structure", "TSK_COMPONENT_UNSUPPORTED", () =>
      text(`(component (import "m" (core module)))`),
    ),
    upload("an import of a component", "structure", "TSK_COMPONENT_UNSUPPORTED", () =>
      text(`(component (import "c" (component)))`),
    ),
    upload("a good handler with one import more", "prepare", IMPORT, () =>
      watComponent({
        handle: EMPTY_SUCCESS,
        imports: `(import "local:more/more" "f" (func))`,
        wit: `${WIT_SOURCE.replace("import log;", "import log; import local:more/more;")}
          package local:more { interface more { f: func(); } }`,
      }),
    ),
  ],
};

const MISMATCH = "TSK_COMPONENT_EXPORT_MISMATCH";

export const EXPORTS: HostileClass = {
  name: "exports",
  tries: "exports a `step-handler` that is missing or of other types",
  wall: "types of `describe` and `handle` compared member by member",
  cases: [
    upload("no export", "prepare", MISMATCH, () => text("(component)")),
    upload("an export of another version", "prepare", MISMATCH, () =>
      text(`(component (instance $i) (export "tasker:handler/step-handler@2.0.0" (instance $i)))`),
    ),
    ...(
      [
        ["another result", "describe: func() -> manifest;", "describe: func() -> string;"],
        ["a field of another type", "attempt: u32,", "attempt: u64,"],
        ["a field of another name", "attempt: u32,", "attempts: u32,"],
        ["a field more", "attempt: u32,", "attempt: u32, more: u32,"],
        ["a case more", "checkpoint-yield(checkpoint-yield),", "checkpoint-yield(checkpoint-yield), more,"],
      ] as const
    ).map(([name, from, to]) =>
      upload(name, "prepare", MISMATCH, () =>
        watComponent({ handle: EMPTY_SUCCESS, wit: WIT_SOURCE.replace(from, to) }),
      ),
    ),
  ],
};
