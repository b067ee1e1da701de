import { beforeAll, describe, expect, it } from "vitest";
import { drainJobs, drainOnlyByHandle } from "../src/component/job-queue.ts";
import { StepPromise, takeUnhandled } from "../src/component/step-promise.ts";

beforeAll(drainOnlyByHandle);

/** What a promise came to after every job has run. */
function settled(promise: StepPromise<unknown>): unknown {
  promise.catch(() => {});
  drainJobs();
  return promise.state === "pending" ? ["pending"] : [promise.state, promise.value];
}

describe("`StepPromise`", () => {
  it("runs nothing before the queue is drained, and then in order", () => {
    const seen: string[] = [];
    void StepPromise.resolve(1)
      .then(() => seen.push("a1"))
      .then(() => seen.push("a2"));
    void StepPromise.resolve(2).then(() => seen.push("b1"));
    expect(seen).toEqual([]);
    drainJobs();
    expect(seen).toEqual(["a1", "b1", "a2"]);
  });

  it("adopts thenables, once, whatever they do", () => {
    const twice = {
      // oxlint-disable-next-line unicorn/no-thenable -- a thenable is what is tried
      then(resolve: (value: string) => void): void {
        resolve("first");
        resolve("second");
        throw new Error("too late");
      },
    };
    expect(settled(StepPromise.resolve(twice))).toEqual(["fulfilled", "first"]);
    expect(settled(new StepPromise((resolve) => resolve(StepPromise.reject("inner"))))).toEqual(["rejected", "inner"]);
    const getter = {
      // oxlint-disable-next-line unicorn/no-thenable -- as above
      get then(): never {
        throw new RangeError("getter");
      },
    };
    expect(settled(StepPromise.resolve(getter))).toEqual(["rejected", new RangeError("getter")]);
  });

  it("rejects itself as its own value", () => {
    const { promise, resolve } = StepPromise.withResolvers<unknown>();
    resolve(promise);
    expect(settled(promise)).toEqual(["rejected", new TypeError("Cannot resolve a promise with itself")]);
  });

  it("catches what callbacks throw, and passes on what has no callback", () => {
    expect(
      settled(
        StepPromise.resolve(1).then(() => {
          throw new Error("thrown");
        }),
      ),
    ).toEqual(["rejected", new Error("thrown")]);
    expect(
      settled(
        StepPromise.reject("r")
          .then(() => 1)
          .catch((reason) => `caught ${String(reason)}`),
      ),
    ).toEqual(["fulfilled", "caught r"]);
  });

  it("`finally()` keeps the outcome unless its callback rejects", () => {
    expect(settled(StepPromise.resolve(1).finally(() => {}))).toEqual(["fulfilled", 1]);
    expect(settled(StepPromise.reject("r").finally(() => {}))).toEqual(["rejected", "r"]);
    expect(
      settled(
        StepPromise.resolve(1).finally(() => {
          throw new Error("finally");
        }),
      ),
    ).toEqual(["rejected", new Error("finally")]);
  });

  it("`all()`, `allSettled()`, `any()` and `race()` combine, empty lists included", () => {
    const no = StepPromise.reject("no");
    expect(settled(StepPromise.all([1, StepPromise.resolve(2)]))).toEqual(["fulfilled", [1, 2]]);
    expect(settled(StepPromise.all([1, no]))).toEqual(["rejected", "no"]);
    expect(settled(StepPromise.all([]))).toEqual(["fulfilled", []]);
    expect(settled(StepPromise.allSettled([1, no]))).toEqual([
      "fulfilled",
      [
        { status: "fulfilled", value: 1 },
        { status: "rejected", reason: "no" },
      ],
    ]);
    expect(settled(StepPromise.any([no, 3]))).toEqual(["fulfilled", 3]);
    expect(settled(StepPromise.any([no]))).toMatchObject(["rejected", { errors: ["no"] }]);
    expect(settled(StepPromise.race([new StepPromise(() => {}), 4]))).toEqual(["fulfilled", 4]);
    expect(settled(StepPromise.race([]))).toEqual(["pending"]);
  });

  it("derives subclasses of subclasses", () => {
    class Mine<T> extends StepPromise<T> {}
    expect(new Mine((resolve) => resolve(1)).then(() => 2)).toBeInstanceOf(Mine);
  });

  it("`takeUnhandled()` gives the reasons that nobody listened to, once", () => {
    const known = StepPromise.reject("known");
    StepPromise.reject("lost");
    StepPromise.reject("heard").catch(() => {});
    drainJobs();
    expect(takeUnhandled(known)).toEqual(["lost"]);
    expect(takeUnhandled(known)).toEqual([]);
  });
});
