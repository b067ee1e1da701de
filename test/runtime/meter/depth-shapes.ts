/** Functions that call themselves without end, each with a frame that is large in its own way. */

const repeated = (count: number, text: (index: number) => string): string =>
  Array.from({ length: count }, (_, index) => text(index)).join(" ");

/** Fields of a module that exports `f`; of another, whose exports it may import from `other`. */
export type Shape = readonly [name: string, fields: string, other?: string];

export const SHAPES: readonly Shape[] = [
  ["a small function", `(func $f (export "f") (call $f))`],
  [
    "many parameters",
    `(func $f (param ${"i64 ".repeat(200)}) (call $f ${"(i64.const 1)".repeat(200)}))
    (func (export "f") (call $f ${"(i64.const 1)".repeat(200)}))`,
  ],
  [
    "many locals that live across the call",
    `(func $f (export "f") (result i64) (local ${"i64 ".repeat(300)})
       ${repeated(300, (i) => `(local.set ${i} (i64.load (i32.const ${i * 8})))`)}
       (drop (call $f))
       ${repeated(300, (i) => `(i64.store (i32.const ${i * 8}) (local.get ${i}))`)}
       (i64.const 0))
     (memory 1)`,
  ],
  [
    "many operands that live across the call",
    `(memory 1)
     (func $f (export "f") (result i64)
       ${repeated(300, (i) => `(i64.load (i32.const ${i * 8}))`)}
       (call $f) ${"(i64.add)".repeat(300)})`,
  ],
  [
    "vectors that live across the call",
    `(memory 1)
     (func $f (export "f") (result i64)
       ${repeated(200, (i) => `(v128.load (i32.const ${i * 16}))`)}
       (drop (call $f)) ${"(i64x2.add)".repeat(199)} (i64x2.extract_lane 0))`,
  ],
  [
    "a call behind a short way out",
    `(global $n (mut i32) (i32.const 0))
     (func $f (export "f")
       (block $out (br_if $out (global.get $n)) (call $f) (br_if $out (global.get $n)) (call $f)))`,
  ],
  ["a call in one arm", `(func $f (export "f") (if (i32.const 1) (then (call $f)) (else (nop))))`],
  ["a call before giving up", `(func $f (export "f") (if (i32.const 1) (then (call $f) (unreachable))))`],
  [
    "a call in a loop behind a short way out",
    `(global $n (mut i32) (i32.const 0))
     (func $f (export "f") (block $out (br_if $out (global.get $n)) (loop $again (call $f) (br $again))))`,
  ],
  [
    "many locals that live across a call in one arm",
    `(memory 1)
     (func $f (export "f") (result i64) (local ${"i64 ".repeat(300)})
       ${repeated(300, (i) => `(local.set ${i} (i64.load (i32.const ${i * 8})))`)}
       (if (i32.const 1) (then (drop (call $f))))
       ${repeated(300, (i) => `(i64.store (i32.const ${i * 8}) (local.get ${i}))`)}
       (i64.const 0))`,
  ],
  [
    "an exception in hand, many times within one another (older encoding)",
    `(tag $e) (func $f (export "f") ${"try throw $e catch_all ".repeat(100)} call $f ${"end ".repeat(100)})`,
  ],
  [
    "a try in a try in a try (older encoding)",
    `(func $f (export "f") ${"try ".repeat(100)} call $f ${"catch_all end ".repeat(100)})`,
  ],
  ["many results", `(func $f (export "f") (result ${"i64 ".repeat(200)}) (call $f))`],
  ["calls through a table", `(table funcref (elem $f)) (func $f (export "f") (call_indirect (i32.const 0)))`],
  [
    "calls through a reference",
    `(type $t (func)) (elem declare func $f) (func $f (export "f") (type $t) (call_ref $t (ref.func $f)))`,
  ],
  ["many results of a call, pushed by the callee", `(func $f (export "f") (result ${"i64 ".repeat(400)}) (call $f))`],
  [
    "many arguments, pushed by the caller and copied by the callee",
    `(func $f (param ${"i64 ".repeat(400)}) (call $f ${repeated(400, (i) => `(local.get ${i})`)}))
     (func (export "f") (call $f ${"(i64.const 1)".repeat(400)}))`,
  ],
  ...["i64", "v128"].map((type): Shape => {
    const constant = type === "i64" ? "(i64.const 1)" : "(v128.const i64x2 1 1)";
    return [
      `some arguments and results of type ${type}`,
      `(func $f (param ${`${type} `.repeat(16)}) (result ${`${type} `.repeat(16)})
         (call $f ${repeated(16, (i) => `(local.get ${i})`)}))
       (func (export "f") (call $f ${constant.repeat(16)}) unreachable)`,
    ];
  }),
  [
    "arguments that a tail call leaves behind",
    `(func $f (export "f") (call $g)) (func $g (return_call $h ${"(i64.const 1)".repeat(400)}))
     (func $h (param ${"i64 ".repeat(400)}) (call $f))`,
  ],
  [
    "values that a catch clause takes out of an exception",
    `(tag $e (param ${"i64 ".repeat(400)})) (memory 1)
     (func $thrower (throw $e ${"(i64.const 1)".repeat(400)}))
     (func $f (export "f")
       (block $h (result ${"i64 ".repeat(400)})
         ${repeated(400, (i) => `(i64.load (i32.const ${i * 8}))`)} (try_table (catch $e $h) (call $thrower)) unreachable)
       (call $f) unreachable)`,
  ],
  ...[20, 100, 400].flatMap((count): Shape[] => {
    const many = "i64 ".repeat(count);
    const back = `(type $back (func (result ${many}))) (table (export "t") 1 funcref)`;
    const imports = `(import "other" "g" (func $g (param ${many}) (result ${many}))) (import "other" "t" (table 1 funcref))
      (elem (i32.const 0) func $f)`;
    const constants = "(i64.const 1)".repeat(count);
    return [
      [
        `${count} arguments and results through another module, which calls back`,
        `${imports} (func $f (result ${many}) (call $g ${constants})) (func (export "f") (call $f) unreachable)`,
        `${back} (func (export "g") (param ${many}) (result ${many}) (call_indirect (type $back) (i32.const 0)))`,
      ],
      [
        `${count} arguments and results through another module, which calls back as its last act`,
        `${imports} (func $f (result ${many}) (call $g ${constants})) (func (export "f") (call $f) unreachable)`,
        `${back} (func (export "g") (param ${many}) (result ${many}) (return_call_indirect (type $back) (i32.const 0)))`,
      ],
      [
        `${count} arguments and results through a reference to another module's function`,
        `${imports} (elem declare func $g) (type $t (func (param ${many}) (result ${many})))
         (func $f (result ${many}) (return_call_ref $t ${constants} (ref.func $g))) (func (export "f") (call $f) unreachable)`,
        `${back} (func (export "g") (param ${many}) (result ${many}) (return_call_indirect (type $back) (i32.const 0)))`,
      ],
    ];
  }),
  [
    "a frame of the largest size at the bottom",
    `(func $f (param i32)
       (if (local.get 0) (then (call $f (i32.sub (local.get 0) (i32.const 1)))) (else (call $large) (call $f (i32.const 0)))))
     (func $large (local ${"i64 ".repeat(8_000)}) nop)
     (func (export "f") (loop $deeper (call $f (i32.const 0))))`,
  ],
  ["frames of the largest size", `(func $f (export "f") (local ${"i64 ".repeat(8_000)}) (call $f))`],
  ["frames of vectors of the largest size", `(func $f (export "f") (local ${"v128 ".repeat(4_000)}) (call $f))`],
];
