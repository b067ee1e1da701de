/**
 * Rewrites function bodies, one after the other, in two passes: `scanBody` and `assembleBody`.
 *
 * **The fuel word** (`fuel-word.ts`) is an i64 local: the added parameter behind the original ones. Calls hand it on and
 * take it back; what leaves the module (imports, exceptions, stops) goes through the imported global.
 *
 * **A segment** (`segments.ts`) is a straight piece of code, calls included. What it costs is charged where it begins, or
 * somewhere before or behind it on every way that leads through it (`place-charges.ts`).
 *
 * **Shape of a rewritten body**; each outer block only if something needs it. They stand outside of all guest labels, so
 * that no label of the guest changes its number, and the inner one takes the place of the function's label: a branch
 * there cannot miss the last line.
 *
 *     block $stop
 *       block $body (results)
 *         entry charge, guest code
 *       end
 *       push word, return
 *     end
 *     global ← word, unreachable
 */
import { assembleBody } from "./assemble-body.ts";
import { type BodyContext, BodyState } from "./body-state.ts";
import { ByteWriter } from "./byte-writer.ts";
import { newPlacement } from "./placement.ts";
import { planBody } from "./plan-body.ts";
import { scanBody } from "./scan-body.ts";

export class BodyRewriter {
  readonly #body: BodyState;
  readonly #placement = newPlacement();
  readonly #entry = new ByteWriter(1 << 16);

  constructor(context: BodyContext) {
    this.#body = new BodyState(context);
  }

  /** Rewrites the body in `[start, end)` of function `index`; the code entry is written with its size. */
  rewrite(index: number, start: number, end: number, out: ByteWriter): void {
    const body = this.#body;
    const { types, shape, hints } = body.context;
    const type = types.type(shape.functions[index] ?? -1);
    body.caught.clear();
    body.open(type, start, end);
    scanBody(body);
    // Which labels exceptions arrive at is known only now: once more, with all of them known from the start.
    if (body.caught.size > 0) {
      body.open(type, start, end);
      scanBody(body);
    }
    assembleBody(body, planBody(body, this.#placement), this.#entry);
    hints.endBody(index);
    out.sized(this.#entry.view());
  }
}
