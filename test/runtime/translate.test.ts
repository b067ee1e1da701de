/** What other toolchains' components do while they are linked, and how they name things. */
import { expect, it } from "vitest";
import { createInlineSandbox } from "../../src/runtime/index.ts";
import { refusalOf } from "./support/refusals.ts";
import { prepareHere, request } from "./support/runs.ts";
import { ECHO, success, watComponent, WIT_SOURCE } from "./support/wat-component.ts";

const CLOCK_WIT = `${WIT_SOURCE.replace("import log;", "import wasi:clocks/monotonic-clock@0.2.3;")}
package wasi:clocks@0.2.3 { interface monotonic-clock { now: func() -> u64; } }`;
const NOW = `(import "wasi:clocks/monotonic-clock@0.2.3" "now" (func $now (result i64)))`;

it("a start function may call the host: it runs in the sandbox, never while links are recorded", async () => {
  const artifact = await prepareHere(
    await watComponent({
      wit: CLOCK_WIT,
      imports: NOW,
      fields: `(func $start (if (i64.eqz (call $now)) (then unreachable)) (i32.store8 (i32.const 1300) (i32.const 0x37)))
        (start $start)`,
      handle: success("(i32.const 1300)", "(i32.const 1)"),
    }),
  );
  await using sandbox = createInlineSandbox();
  const { outcome } = await sandbox.run(request(artifact));
  expect(outcome).toMatchObject({ kind: "success", resultJson: "7" });
});

it("one function may be imported twice, as Go's linker does", async () => {
  const artifact = await prepareHere(
    await watComponent({
      wit: CLOCK_WIT,
      imports: NOW + NOW.replace("$now", "$again"),
      handle: `(if (i64.ne (call $now) (call $again)) (then unreachable)) ${ECHO}`,
    }),
  );
  await using sandbox = createInlineSandbox();
  expect((await sandbox.run(request(artifact))).outcome.kind).toBe("success");
});

it.each(["fd_write [v2] ", "fd write", "fd_write [v123]", "fd_write [w2]"])(
  "a name like %j is refused",
  async (name) => {
    const component = await watComponent({ handle: ECHO, fields: `(func (export "${name}"))` });
    expect(await refusalOf(() => prepareHere(component))).toBe("TSK_COMPONENT_NAME_REFUSED");
  },
);
