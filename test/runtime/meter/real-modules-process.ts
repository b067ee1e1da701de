/**
 * `real-modules-process.ts PACKAGE plain|metered`: uses a package of npm by its own interface and prints what it answers as
 * JSON. When metered, every module that the package compiles is metered first, whichever door of `WebAssembly` it takes.
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type * as TreeSitter from "@vscode/tree-sitter-wasm";
import type * as Esbuild from "esbuild-wasm";
import type * as Tiktoken from "tiktoken";
import { MAX_CALL_DEPTH, MAX_FUEL, meterModule, type MeteredModule } from "../../../src/runtime/prepare/meter/index.ts";
import { meterImports, newBudgets } from "./metered-instance.ts";

const require = createRequire(import.meta.url);

/** Of sql.js, which brings no declarations, what is used here. */
interface SqlJs {
  readonly Database: new () => {
    run(sql: string, values?: readonly unknown[]): void;
    exec(sql: string): unknown;
    export(): Uint8Array;
  };
}

type Bytes = ArrayBuffer | ArrayBufferView;

/** What each package is asked. The answers are plain data. */
const PACKAGES: Readonly<Record<string, () => Promise<unknown>>> = {
  "sql.js": async () => {
    const sql = await (require("sql.js") as () => Promise<SqlJs>)();
    const database = new sql.Database();
    database.run("create table t (id integer primary key, name text, price real, data blob)");
    for (let id = 0; id < 500; id += 1) {
      database.run("insert into t values (?, ?, ?, ?)", [id, `name ${id} ü`, id / 7, Uint8Array.of(id % 256, 1)]);
    }
    database.run("create index by_name on t (name)");
    database.run("update t set price = price * 2 where id % 3 = 0");
    const rows = database.exec(`
      with recursive n (i) as (select 1 union all select i + 1 from n where i < 200)
      select n.i, t.name, round(t.price, 3), hex(t.data), json_object('a', t.id), sum(t.price) over (order by n.i)
      from n join t on t.id = n.i * 2 where t.name like 'name %' order by t.name desc limit 50`);
    let refusal = "";
    try {
      database.exec("select no_such_function()");
    } catch (error) {
      refusal = String(error);
    }
    return { rows, refusal, file: Buffer.from(database.export()).toString("base64") };
  },
  "esbuild-wasm": async () => {
    // The build for browsers runs in this process; the one for Node starts another.
    Object.assign(globalThis, { self: globalThis });
    const esbuild = require("esbuild-wasm/lib/browser.js") as typeof Esbuild;
    const wasmModule = new WebAssembly.Module(
      new Uint8Array(readFileSync(require.resolve("esbuild-wasm/esbuild.wasm"))),
    );
    await esbuild.initialize({ wasmModule, worker: false });
    const source = readFileSync(`${import.meta.dirname}/metered-instance.ts`, "utf8");
    const good = await esbuild.transform(source, { loader: "ts", minify: true, sourcemap: true, target: "es2019" });
    const refused = await esbuild.transform("let x = ;", { loader: "ts" }).catch((error: unknown) => String(error));
    return { code: good.code, map: good.map, refused };
  },
  "@vscode/tree-sitter-wasm": async () => {
    const { Parser, Language } = require("@vscode/tree-sitter-wasm") as typeof TreeSitter;
    await Parser.init();
    const language = await Language.load(require.resolve("@vscode/tree-sitter-wasm/wasm/tree-sitter-typescript.wasm"));
    const parser = new Parser();
    parser.setLanguage(language);
    const source = readFileSync(`${import.meta.dirname}/metered-instance.ts`, "utf8");
    const tree = parser.parse(source);
    const edited = parser.parse(`${source}\nlet broken = (;`);
    return { whole: tree?.rootNode.toString(), broken: edited?.rootNode.hasError };
  },
  "hash-wasm": async () => {
    const hash = await import("hash-wasm");
    const text = "ü".repeat(100_000);
    return {
      sha256: await hash.sha256(text),
      sha512: await hash.sha512(text),
      sha3: await hash.sha3(text),
      md5: await hash.md5(text),
      blake2b: await hash.blake2b(text),
      blake3: await hash.blake3(text),
      xxhash3: await hash.xxhash3(text),
      xxhash128: await hash.xxhash128(text),
      crc32: await hash.crc32(text),
      whirlpool: await hash.whirlpool(text.slice(0, 10_000)),
      bcrypt: await hash.bcrypt({ password: "p", salt: new Uint8Array(16), costFactor: 4, outputType: "hex" }),
      argon2: await hash.argon2id({
        password: "p",
        salt: new Uint8Array(16),
        parallelism: 2,
        iterations: 2,
        memorySize: 256,
        hashLength: 32,
        outputType: "hex",
      }),
    };
  },
  tiktoken: async () => {
    const { get_encoding } = require("tiktoken") as typeof Tiktoken;
    const encoding = get_encoding("cl100k_base");
    const source = readFileSync(`${import.meta.dirname}/metered-instance.ts`, "utf8");
    const tokens = encoding.encode(`${source} ü 😀 \u0000 ${"日本語".repeat(100)}`);
    return { tokens: Array.from(tokens), back: Buffer.from(encoding.decode(tokens)).toString("base64") };
  },
  "wasm-tools": async () => {
    const { parse, print, componentWit } = await import("@bytecodealliance/jco-transpile/wasm-tools");
    const binary = await parse(`(module (memory 1) (func (export "f") (param i32) (result i64)
      (loop $l (br_if $l (i32.const 0))) (i64.extend_i32_u (local.get 0))))`);
    const refusal = await parse("(module (func (i32.add)))").catch((error: unknown) => String(error).slice(0, 200));
    const component = readFileSync(`${import.meta.dirname}/../../fixtures/toolchains/c/c-words.wasm`);
    return { text: await print(binary), refusal, wit: await componentWit(component) };
  },
};

/** Go's linker writes a segment for each run of bytes that are not zero: esbuild, 14 MB, has more than uploads may have. */
const WIDE = { maxDataSegments: 100_000 };

/** Makes every door to a module meter what goes through. All modules of a process share one budget, as those of a run do. */
function meterEverything(): { modules: number } {
  const plain = { Module: WebAssembly.Module, Instance: WebAssembly.Instance };
  const customSections: unknown = Reflect.get(WebAssembly.Module, "customSections");
  if (typeof customSections !== "function") throw new Error("no WebAssembly.Module.customSections");
  const known = new WeakMap<WebAssembly.Module, MeteredModule>();
  const originals = new WeakMap<WebAssembly.Module, WebAssembly.Module>();
  const budgets = newBudgets({ fuel: MAX_FUEL, callDepth: MAX_CALL_DEPTH, bytes: 4 * 1024 ** 3 });
  const seen = { modules: 0 };

  const compiled = (source: Bytes): WebAssembly.Module => {
    const metered = meterModule(bytesOf(source), { limits: WIDE });
    const module = new plain.Module(metered.bytes);
    known.set(module, metered);
    originals.set(module, new plain.Module(bytesOf(source)));
    seen.modules += 1;
    return module;
  };
  const instantiated = (module: WebAssembly.Module, imports: WebAssembly.Imports = {}): WebAssembly.Instance => {
    const metered = known.get(module);
    return new plain.Instance(
      module,
      metered === undefined ? imports : { ...imports, ...meterImports(metered, budgets) },
    );
  };

  WebAssembly.Module = new Proxy(plain.Module, { construct: (_, [source]: [Bytes]) => compiled(source) });
  WebAssembly.Instance = new Proxy(plain.Instance, {
    construct: (_, [module, imports]: [WebAssembly.Module, WebAssembly.Imports?]) => instantiated(module, imports),
  });
  // Metering drops custom sections; Emscripten's loader reads one.
  const sectionsOf = (module: WebAssembly.Module, name: string): unknown =>
    Reflect.apply(customSections, undefined, [originals.get(module) ?? module, name]);
  Object.assign(WebAssembly.Module, { customSections: sectionsOf });
  Object.assign(WebAssembly, {
    compile: async (source: Bytes) => compiled(source),
    instantiate: async (source: Bytes | WebAssembly.Module, imports?: WebAssembly.Imports) => {
      if (source instanceof plain.Module) return instantiated(source, imports);
      const module = compiled(source);
      return { module, instance: instantiated(module, imports) };
    },
    compileStreaming: undefined,
    instantiateStreaming: undefined,
  });
  return seen;
}

function bytesOf(source: Bytes): Uint8Array<ArrayBuffer> {
  if (!ArrayBuffer.isView(source)) return new Uint8Array(source.slice(0));
  return Uint8Array.from(new Uint8Array(source.buffer, source.byteOffset, source.byteLength));
}

const [name = "", how] = process.argv.slice(2);
const ask = PACKAGES[name];
if (ask === undefined) throw new Error(`no package "${name}"`);
const seen = how === "metered" ? meterEverything() : { modules: 0 };
const answer = await ask();
process.stdout.write(JSON.stringify({ answer, modules: seen.modules }), () => process.exit(0));
