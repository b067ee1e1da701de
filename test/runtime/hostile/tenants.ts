/** Between steps and between namespaces: what a run leaves behind, and what code that broke out of V8 could reach. */
import { EMPTY_SUCCESS, IMPORT_ABORT, IMPORT_LOG, success } from "../support/wat-component.ts";
import { WASI_WIT } from "../support/wasi-wit.ts";
import { type HostileClass, type PlantedCase, step } from "./hostile-case.ts";

const COUNTER = `(i32.store (i32.const 5000) (i32.add (i32.load (i32.const 5000)) (i32.const 1)))`;
const FIRST = { kind: "success", resultJson: "1" } as const;

/** A digit of `value` as the result. */
function digit(value: string): string {
  return `(i32.store8 (i32.const 3000) (i32.add (i32.const 48) ${value})) ${success("(i32.const 3000)", "(i32.const 1)")}`;
}

export const RESIDUE: HostileClass = {
  name: "residue",
  tries: "looks for what a step before it left behind",
  wall: "a fresh instance for each run, recycled memories zeroed",
  cases: [
    step("in memory", "report", FIRST, { handle: `${COUNTER} ${digit("(i32.load (i32.const 5000))")}` }, { times: 5 }),
    step(
      "in a global",
      "report",
      FIRST,
      {
        handle: `(global.set $count (i32.add (global.get $count) (i32.const 1))) ${digit("(global.get $count)")}`,
        fields: `(global $count (mut i32) (i32.const 0))`,
      },
      { times: 5 },
    ),
    step(
      "in a table",
      "report",
      FIRST,
      {
        handle: `(local $found i32) (local.set $found (ref.is_null (table.get $t (i32.const 0))))
          (table.set $t (i32.const 0) (ref.func $f)) ${digit("(local.get $found)")}`,
        fields: `(table $t 1 funcref) (func $f) (elem declare func $f)`,
      },
      { times: 5 },
    ),
    step(
      "in pages that another grew",
      "report",
      { kind: "success", resultJson: "0" },
      {
        handle: `(local $page i32) (local.set $page (i32.mul (memory.grow (i32.const 4)) (i32.const 65536)))
          (local $seen i32) (local.set $seen (i32.ne (i32.load (local.get $page)) (i32.const 0)))
          (memory.fill (local.get $page) (i32.const 255) (i32.const 262144)) ${digit("(local.get $seen)")}`
          .replace("(local $seen i32)", "")
          .replace("(local $page i32)", "(local $page i32) (local $seen i32)"),
      },
      { times: 5 },
    ),
    step(
      "in memory that a trap left dirty",
      "call",
      { kind: "trap" },
      {
        handle: `(if (i32.load (i32.const 100000)) (then (return (i32.const 2049))))
          (memory.fill (i32.const 100000) (i32.const 255) (i32.const 100000)) unreachable`,
      },
      { times: 5 },
    ),
    step(
      "in dropped segments",
      "report",
      { kind: "success", resultJson: "7" },
      {
        handle: `(memory.init $d (i32.const 3000) (i32.const 0) (i32.const 1)) (data.drop $d) ${success("(i32.const 3000)", "(i32.const 1)")}`,
        fields: `(data $d "7")`,
      },
      { times: 5 },
    ),
    step(
      "in random numbers: the same seed gives the same ones",
      "report",
      { kind: "success", resultJson: "1" },
      {
        imports: `(import "wasi:random/random@0.2.3" "get-random-u64" (func $random (result i64)))
          (import "wasi:clocks/monotonic-clock@0.2.3" "now" (func $ticks (result i64)))`,
        wit: WASI_WIT,
        handle: `${COUNTER} (drop (call $random)) (drop (call $ticks)) ${digit("(i32.load (i32.const 5000))")}`,
      },
      { times: 5 },
    ),
  ],
};

const ABORT = `(call $abort (i32.const 3000) (i32.const 6) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))`;

export const REENTRY: HostileClass = {
  name: "after a trap",
  tries: "goes on after it trapped or was stopped",
  wall: "an instance that trapped is never entered again; the first stop is the one that counts",
  cases: [
    step(
      "post-return after a trap",
      "call",
      { kind: "trap", phase: "call" },
      { imports: IMPORT_LOG, handle: "unreachable", postReturn: "(loop $again (br $again))" },
    ),
    step(
      "post-return after an invalid result",
      "lift",
      { kind: "invalid-result" },
      { handle: "(i32.const 2049)", postReturn: "(loop $again (br $again))" },
    ),
    step(
      "handle after a trap in realloc",
      "lower",
      { kind: "trap", phase: "lower" },
      { handle: "(loop $again (br $again)) unreachable", realloc: "unreachable" },
    ),
    // Nothing between the two looks at the fuel, so the guest comes to its end: what it says there is not heard.
    step(
      "a second abort after the first",
      "lift",
      { kind: "failure", message: "first!" },
      {
        imports: IMPORT_ABORT,
        handle: `(block $caught (try_table (catch_all $caught) ${ABORT}))
          (i32.store8 (i32.const 3000) (i32.const 88))
          (block $caught (try_table (catch_all $caught) ${ABORT})) ${EMPTY_SUCCESS}`,
        fields: `(data (i32.const 3000) "first!")`,
      },
    ),
    step(
      "host calls after an abort: none is answered",
      "call",
      { kind: "failure", message: "first!" },
      {
        imports: `${IMPORT_ABORT} ${IMPORT_LOG}`,
        handle: `(block $caught (try_table (catch_all $caught) ${ABORT}))
          (loop $again (block $h (try_table (catch_all $h)
            (call $log (i32.const 2) (i32.const 0) (i32.const 8000) (i32.const 0) (i32.const 0))))
            (br_if $again (i32.lt_u (global.get $n) (i32.const 50)))
            ) ${EMPTY_SUCCESS}`.replace("(br_if", "(global.set $n (i32.add (global.get $n) (i32.const 1))) (br_if"),
        fields: `(global $n (mut i32) (i32.const 0)) (data (i32.const 3000) "first!")`,
      },
    ),
    step(
      "a trap in post-return takes the result back",
      "post-return",
      { kind: "trap", phase: "post-return" },
      { handle: EMPTY_SUCCESS, postReturn: "unreachable" },
    ),
  ],
};

const FOREVER = { limits: { fuel: 100_000_000_000_000, timeoutMs: 400 } } as const;
const LOST = { kind: "timeout" } as const;

/** While each of these runs, five steps of another namespace have to succeed. */
export const NEIGHBOURS: HostileClass = {
  name: "neighbours",
  tries: "takes what another namespace needs",
  wall: "a process, a budget and a share of slots for each namespace",
  cases: [
    step("all of one core", "call", LOST, { handle: `(loop $again (br $again)) unreachable` }, FOREVER),
    step(
      "the memory bus",
      "call",
      LOST,
      {
        memory: "200",
        handle: `(loop $again (memory.copy (i32.const 8192) (i32.const 6000000) (i32.const 6000000)) (br $again)) unreachable`,
      },
      FOREVER,
    ),
    step(
      "fresh pages, again and again",
      "call",
      { kind: "memory-exceeded" },
      {
        handle: `(loop $more
          (memory.fill (i32.mul (memory.grow (i32.const 16)) (i32.const 65536)) (i32.const 1) (i32.const 1048576)) (br $more)) unreachable`,
      },
    ),
    step(
      "the host's attention, by log lines",
      "call",
      { kind: "output-exceeded", what: "log" },
      {
        imports: IMPORT_LOG,
        handle: `(loop $again (call $log (i32.const 2) (i32.const 0) (i32.const 1) (i32.const 0) (i32.const 0)) (br $again)) unreachable`,
      },
      { limits: { maxHostCalls: 1_000_000, maxLogBytes: 1_048_576 } },
    ),
    step(
      "the process table, by stopping process after process",
      "call",
      LOST,
      { handle: `(loop $again (br $again)) unreachable` },
      { limits: { fuel: 100_000_000_000_000, timeoutMs: 100 }, times: 3 },
    ),
    step(
      "the host's parser, by a result of a megabyte of nesting",
      "report",
      { kind: "invalid-result" },
      {
        memory: "20",
        handle: `(memory.fill (i32.const 70000) (i32.const 91) (i32.const 1000000)) ${success("(i32.const 70000)", "(i32.const 1000000)")}`,
      },
    ),
  ],
};

/** What a child that was taken over says when it has reached what it must not: an answer that an honest one could give. */
const REACHED: Readonly<Record<PlantedCase["child"], string>> = {
  sandbox: `say(frame({ started: 1 })); say(done(1, success, packed("1", "{}")));`,
  translate: `say(frame({ refusal: { code: "TSK_COMPONENT_UNSUPPORTED", attempted: "a", found: "reached" } }));`,
  prepare: `say(frame({ refusal: { code: "TSK_COMPONENT_UNSUPPORTED", attempted: "a", found: "reached" } }));`,
};
const CHILDREN = ["sandbox", "translate", "prepare"] as const;

interface Target {
  readonly name: string;
  /** An expression that throws or rejects where the wall stands. */
  readonly reach: string;
  readonly needs?: PlantedCase["needs"];
}

const read = (path: string): string => `(await import("node:fs")).readFileSync(${path})`;

const TARGETS: readonly Target[] = [
  {
    name: "an environment variable",
    reach: `Object.keys(process.env).length > 0 || nothing()`,
  },
  { name: "the environment of the host", reach: read("`/proc/${hostPid()}/environ`") },
  { name: "a file of the system", reach: read(`"/etc/passwd"`) },
  { name: "a file of credentials", reach: read(JSON.stringify(import.meta.filename)) },
  { name: "a directory", reach: `(await import("node:fs")).readdirSync("/")` },
  { name: "a file to write", reach: `(await import("node:fs")).writeFileSync("/tmp/planted", "x")` },
  { name: "its own code, to change it", reach: `(await import("node:fs")).writeFileSync(process.argv[1], "x")` },
  { name: "a descriptor that it was not given", reach: `otherDescriptor()` },
  { name: "another program", reach: `ran((await import("node:child_process")).spawnSync("/bin/true"))` },
  { name: "a thread", reach: `new (await import("node:worker_threads")).Worker("1", { eval: true })` },
  { name: "code from text", reach: `new Function("return 1")()` },
  { name: "a native library", reach: `process.dlopen({ exports: {} }, "/lib/x86_64-linux-gnu/libc.so.6")` },
  { name: "the inspector", reach: `(await import("node:inspector")).open(0)` },
  { name: "memory of the host", reach: `(await import("node:fs")).openSync(\`/proc/\${hostPid()}/mem\`, "r+")` },
  { name: "memory of the machine", reach: `(await import("node:fs")).openSync("/dev/mem", "r")` },
  {
    name: "a network address",
    reach: `await new Promise((resolve, reject) => { connectTo(9, "127.0.0.1", resolve, reject); })`,
    needs: ["namespaces"],
  },
  {
    name: "a network address of the cloud",
    reach: `await new Promise((resolve, reject) => { connectTo(80, "169.254.169.254", resolve, reject); })`,
    needs: ["namespaces"],
  },
  { name: "a signal to the host", reach: `process.kill(hostPid(), 0)`, needs: ["namespaces", "own-uid"] },
  { name: "a signal to everybody", reach: `process.kill(-1, 0)`, needs: ["namespaces", "own-uid"] },
  { name: "another uid", reach: `process.setuid(0)`, needs: ["own-uid"] },
  { name: "a higher priority", reach: `(await import("node:os")).setPriority(0, -5)`, needs: ["own-uid"] },
];

export const BREAK_OUT: HostileClass = {
  name: "break-out",
  tries: "has broken out of V8 and reaches for the host, in each kind of child process",
  wall: "Node's permission model, empty environment, own uid, namespaces",
  cases: CHILDREN.flatMap((child) =>
    TARGETS.map(({ name, reach, needs = [] }): PlantedCase => {
      const refused = child === "sandbox" ? "sandbox-lost" : "TSK_COMPONENT_PREPARE_LOST";
      const code = `try { ${reach}; ${REACHED[child]} } catch { process.exit(7); }`;
      return { kind: "planted", name: `${name}, from ${child}`, child, code, needs, ends: refused };
    }),
  ),
};

/** Bytes that the head of a child's first frame may have. */
const HEAD_ROOM: Readonly<Record<PlantedCase["child"], number>> = {
  sandbox: 262_144,
  translate: 1_048_576,
  prepare: 65_536,
};

const FRAMES: readonly (readonly [name: string, code: string])[] = [
  ["a length of 4 GB", `say(Buffer.from([255, 255, 255, 255]));`],
  ["a length of nothing", `say(Buffer.alloc(4));`],
  ["an endless line", `for (;;) say(Buffer.alloc(65536, 0x41));`],
  ["a head that is not JSON", `say(frame("{"));`],
  ["a head nested a million deep", `say(frame("[".repeat(1e6)));`],
  ["millions of empty arrays", `say(frame("[" + "[],".repeat(3e6) + "0]"));`],
  ["millions of objects", `say(frame("[" + "{},".repeat(3e6) + "0]"));`],
  ["a head full of empty arrays", `say(frame("[" + "[],".repeat(room / 3 - 3) + "0]"));`],
  ["a head full of objects", `say(frame('{"a":[' + '{"b":1},'.repeat(room / 8 - 3) + "0]}"));`],
  ["a head full of numbers", `say(frame("[" + "1,".repeat(room / 2 - 3) + "1]"));`],
  ["a message of another shape", `say(frame({ done: 1, plan: 1, artifact: 1 })); process.exit(3);`],
  ["blobs beyond the frame", `const f = frame({}, Buffer.alloc(8)); f.writeUInt32LE(1e9, 12); say(f);`],
  ["a million blobs", `const f = frame({}); f.writeUInt32LE(1e6, 8); say(f);`],
  ["a prototype", `say(frame('{"__proto__":{"started":1},"constructor":{"prototype":{"done":1}}}')); process.exit(3);`],
  ["endless complaints", `for (let i = 0; i < 500; i++) writeSync(2, Buffer.alloc(65536, 0x41)); process.exit(4);`],
  ["silence", `setInterval(() => {}, 1000);`],
  ["its own end", `process.exit(0);`],
];

export const FRAME_ATTACKS: HostileClass = {
  name: "frames",
  tries: "has taken over a child process and lies to the host",
  wall: "frames with a cap, checked by schema; a process that breaks the protocol is killed",
  cases: CHILDREN.flatMap((child) =>
    FRAMES.map(([name, code]): PlantedCase => {
      // A sandbox process that says nothing is given 15 s, so that a large module can compile: see the case of the compiler.
      if (child === "sandbox" && name === "silence") {
        return {
          kind: "planted",
          name: `${name} after its start, from sandbox`,
          child,
          code: `say(frame({ started: 1 })); ${code}`,
          ends: "timeout",
        };
      }
      const attack = `const room = ${HEAD_ROOM[child]}; ${code}`;
      return { kind: "planted", name: `${name}, from ${child}`, child, code: attack, ends: endOf(child, name) };
    }),
  ),
};

function endOf(child: PlantedCase["child"], name: string): PlantedCase["ends"] {
  if (child === "sandbox") return "sandbox-lost";
  return name === "silence" ? "TSK_COMPONENT_PREPARE_LIMIT" : "TSK_COMPONENT_PREPARE_LOST";
}

const LOST_PREPARE = "TSK_COMPONENT_PREPARE_LOST";

function forged(name: string, change: string, describe: string = "(said) => said"): PlantedCase {
  const code = `await forge(request, ${change}, ${describe});`;
  return { kind: "planted", name, child: "prepare", code, ends: LOST_PREPARE };
}

function priced(name: string, fuel: string): PlantedCase {
  return forged(name, "(made) => made", `(said, limits) => ({ ...said, fuel: ${fuel} })`);
}

/** An artifact's container around any header, with the right digest. */
const container = (header: string): string => `
  const { createHash } = await import("node:crypto");
  const text = Buffer.from(${header});
  const size = Buffer.alloc(4);
  size.writeUInt32LE(text.length);
  const parts = Buffer.concat([Buffer.from("tskart01"), size, text]);
  say(frame({ artifact: true }, Buffer.concat([parts, createHash("sha256").update(parts).digest()])));
  say(frame({ description: { manifest: { name: "n", version: "1", callables: ["c"], sdk: "s" }, fuel: 1 } }));`;

function bomb(name: string, header: string): PlantedCase {
  return { kind: "planted", name, child: "prepare", code: container(header), ends: LOST_PREPARE };
}

function texts(name: string, blobs: string, ends: PlantedCase["ends"]): PlantedCase {
  const code = `say(frame({ started: 1 })); say(done(1, success, ${blobs}));`;
  return { kind: "planted", name, child: "sandbox", code, ends };
}

export const FORGERY: HostileClass = {
  name: "forgery",
  tries: "has taken over a child process and answers in the right form what is not true",
  wall: "the host holds an artifact against the component's bytes, and a report against the run's limits",
  cases: [
    forged("another component's artifact", `(made) => ({ ...made, digest: "a".repeat(64) })`),
    forged("imports left out", `(made) => ({ ...made, imports: [] })`),
    forged("imports added", `(made) => ({ ...made, imports: [...made.imports, "tasker:handler/log@1.0.0"] })`),
    forged("exports left out", `(made) => ({ ...made, exports: [] })`),
    forged("another schedule", `(made) => ({ ...made, fuelScheduleId: "free" })`),
    forged("another preparer", `(made) => ({ ...made, preparerVersion: "0" })`),
    forged(
      "a call of what it does not import",
      `(made) => ({ ...made, plan: { ...made.plan, trampolines: [...made.plan.trampolines,
        { kind: "host", interface: "wasi:random/random@0.2.3", name: "get-random-u64", abi: { encoding: "utf8" } }] } })`,
    ),
    priced("a describe beyond its budget", "limits.describeFuel + 1"),
    priced("a describe of half a unit of fuel", "0.5"),
    bomb("an artifact's header of millions of empty arrays", `'{"sizes":[],"header":[' + "[],".repeat(7e5) + "0]}"`),
    bomb(
      "an artifact's header of a million empty arrays in the room it has",
      `'{"sizes":[],"header":[' + "[],".repeat(349000) + "0]}"`,
    ),
    bomb(
      "an artifact's header of all values that it may have, in the wrong places",
      `'{"sizes":[],"header":{"modules":[' + "[],".repeat(9900) + '0],"plan":{"instantiations":[]}}}'`,
    ),
    {
      kind: "planted",
      name: "a plan of all values that it may have, in the wrong places",
      child: "translate",
      code: `say(frame('{"plan":{"instantiations":[' + "[],".repeat(9900) + "0]}}"));`,
      ends: LOST_PREPARE,
    },
    texts("a megabyte of empty attributes", `packed("1", "{}"), Buffer.alloc(1e6)`, "output-exceeded"),
    texts("a megabyte of empty log lines", `packed("1", "{}"), packed(), Buffer.alloc(1e6)`, "success"),
    {
      kind: "planted",
      name: "a status code that the contract has no room for",
      child: "sandbox",
      code: `const failure = { kind: "failure", message: "", errorType: "", retryable: true, statusCode: 65536, contextJson: "", attributes: [], backtrace: [] };
        say(frame({ started: 1 })); say(done(1, failure, packed("m", "t", "", "{}")));`,
      ends: "sandbox-lost",
    },
    texts("a result a byte beyond the limit", `packed("1".repeat(1048575), "{}")`, "output-exceeded"),
  ],
};
