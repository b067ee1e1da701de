import { enqueueJob } from "./job-queue.ts";

type Resolve<T> = (value: T | PromiseLike<T>) => void;
type Reject = (reason: unknown) => void;

/** What a promise came to. Values are `unknown` inside this module; the signatures of `then` give them their types back. */
type State =
  | { readonly name: "pending"; readonly reactions: (() => void)[] }
  | { readonly name: "fulfilled"; readonly value: unknown }
  | { readonly name: "rejected"; readonly reason: unknown };

/** Promises that were rejected while nobody listened; emptied by `takeUnhandled`. */
const unhandled = new Set<StepPromise<unknown>>();

/** The reasons of rejections that nobody listened to since the last call, but for `known`, which somebody is about to. */
export function takeUnhandled(known: StepPromise<unknown>): unknown[] {
  unhandled.delete(known);
  const reasons = Array.from(unhandled, ({ state }) => (state.name === "rejected" ? state.reason : undefined));
  unhandled.clear();
  return reasons;
}

/**
 * `Promise` for handlers: the ECMAScript one, on the SDK's job queue. It stands in for the global, so that lowered
 * `async` functions and every library use it. (No private members: lowered they become weak maps, slow in an interpreter.)
 */
export class StepPromise<T> implements Promise<T> {
  /** Read by the glue, which asks a settled promise for its value without another turn of the queue. */
  state: State = { name: "pending", reactions: [] };

  constructor(executor: (resolve: Resolve<T>, reject: Reject) => void) {
    if (typeof executor !== "function") throw new TypeError("Cannot make a promise: found no function to run");
    const { resolve, reject } = settlersOf(this);
    try {
      executor(resolve, reject);
    } catch (error) {
      reject(error);
    }
  }

  get [Symbol.toStringTag](): string {
    return "Promise";
  }

  static get [Symbol.species](): typeof StepPromise {
    return this;
  }

  // oxlint-disable-next-line unicorn/no-thenable -- this class is the promise
  then<A = T, B = never>(
    onFulfilled?: ((value: T) => A | PromiseLike<A>) | null,
    onRejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): StepPromise<A | B> {
    unhandled.delete(this);
    let resolve = unset;
    let reject = unset;
    // Of the class that `then` was called on: subclasses derive subclasses.
    const derived: StepPromise<A | B> = Reflect.construct(this.constructor, [
      (whenResolved: Reject, whenRejected: Reject): void => {
        resolve = whenResolved;
        reject = whenRejected;
      },
    ]);
    const react = (): void => enqueueJob(() => passOn(this.state, onFulfilled, onRejected, { resolve, reject }));
    if (this.state.name === "pending") this.state.reactions.push(react);
    else react();
    return derived;
  }

  catch<B = never>(onRejected?: ((reason: unknown) => B | PromiseLike<B>) | null): StepPromise<T | B> {
    return this.then(undefined, onRejected);
  }

  finally(onFinally?: (() => void) | null): StepPromise<T> {
    if (typeof onFinally !== "function") return this.then(undefined);
    return this.then(
      (value) => StepPromise.resolve(onFinally()).then(() => value),
      (reason: unknown) =>
        StepPromise.resolve(onFinally()).then((): never => {
          throw reason;
        }),
    );
  }

  static resolve(this: void): StepPromise<void>;
  static resolve<V>(this: void, value: V | PromiseLike<V>): StepPromise<V>;
  static resolve(this: void, value?: unknown): StepPromise<unknown> {
    return value instanceof StepPromise ? value : new StepPromise((resolve) => resolve(value));
  }

  static reject(this: void, reason?: unknown): StepPromise<never> {
    return new StepPromise((_resolve, reject) => reject(reason));
  }

  static withResolvers<V>(this: void): { promise: StepPromise<V>; resolve: Resolve<V>; reject: Reject } {
    let resolve: Resolve<V> = unset;
    let reject: Reject = unset;
    const promise = new StepPromise<V>((whenResolved, whenRejected) => {
      resolve = whenResolved;
      reject = whenRejected;
    });
    return { promise, resolve, reject };
  }

  static try<A extends unknown[], V>(this: void, run: (...args: A) => V | PromiseLike<V>, ...args: A): StepPromise<V> {
    return new StepPromise((resolve) => resolve(run(...args)));
  }

  static all<V>(this: void, values: Iterable<V | PromiseLike<V>>): StepPromise<V[]> {
    return collect<V, V>(values, (each, put, reject) => each.then(put, reject));
  }

  static allSettled<V>(this: void, values: Iterable<V | PromiseLike<V>>): StepPromise<PromiseSettledResult<V>[]> {
    return collect<V, PromiseSettledResult<V>>(values, (each, put) =>
      each.then(
        (value) => put({ status: "fulfilled", value }),
        (reason: unknown) => put({ status: "rejected", reason }),
      ),
    );
  }

  static any<V>(this: void, values: Iterable<V | PromiseLike<V>>): StepPromise<V> {
    return new StepPromise<V>((resolve, reject) => {
      collect<V, unknown>(values, (each, put) => each.then(resolve, put)).then(
        (reasons) => reject(new AggregateError(reasons, "All promises were rejected")),
        reject,
      );
    });
  }

  static race<V>(this: void, values: Iterable<V | PromiseLike<V>>): StepPromise<V> {
    return new StepPromise<V>((resolve, reject) => {
      for (const value of values) StepPromise.resolve(value).then(resolve, reject);
    });
  }
}

/** Stands where an executor, which runs at once, is about to put the real one. */
function unset(_value: unknown): void {}

/** Listens to each value, and settles when each has `put` its result in its place. */
function collect<V, R>(
  values: Iterable<V | PromiseLike<V>>,
  listen: (each: StepPromise<V>, put: (result: R) => void, reject: Reject) => void,
): StepPromise<R[]> {
  return new StepPromise<R[]>((resolve, reject) => {
    const results: R[] = [];
    // One more than there are values, until all are counted.
    let missing = 1;
    const arrived = (): void => {
      missing -= 1;
      if (missing === 0) resolve(results);
    };
    let count = 0;
    for (const value of values) {
      const place = count;
      count += 1;
      missing += 1;
      const put = (result: R): void => {
        results[place] = result;
        arrived();
      };
      listen(StepPromise.resolve(value), put, reject);
    }
    arrived();
  });
}

interface Settlers {
  readonly resolve: (value: unknown) => void;
  readonly reject: Reject;
}

/** The pair of functions that decide a promise; only the first call of either counts. */
function settlersOf(promise: StepPromise<unknown>): Settlers {
  let decided = false;
  return {
    resolve(value) {
      if (decided) return;
      decided = true;
      resolvePromise(promise, value);
    },
    reject(reason) {
      if (decided) return;
      decided = true;
      rejectPromise(promise, reason);
    },
  };
}

function resolvePromise(promise: StepPromise<unknown>, value: unknown): void {
  if (value === promise) return rejectPromise(promise, new TypeError("Cannot resolve a promise with itself"));
  let then: unknown;
  try {
    then = isObject(value) ? Reflect.get(value, "then") : undefined;
  } catch (error) {
    return rejectPromise(promise, error);
  }
  if (typeof then !== "function") return settle(promise, { name: "fulfilled", value });
  const adopt = then;
  enqueueJob(() => {
    const { resolve, reject } = settlersOf(promise);
    try {
      Reflect.apply(adopt, value, [resolve, reject]);
    } catch (error) {
      reject(error);
    }
  });
}

function rejectPromise(promise: StepPromise<unknown>, reason: unknown): void {
  if (promise.state.name === "pending" && promise.state.reactions.length === 0) unhandled.add(promise);
  settle(promise, { name: "rejected", reason });
}

function settle(promise: StepPromise<unknown>, state: State): void {
  const before = promise.state;
  promise.state = state;
  if (before.name === "pending") for (const reaction of before.reactions) reaction();
}

/** Settles a derived promise as `state` and the callbacks of `then` have it. */
function passOn(
  state: State,
  onFulfilled: ((value: never) => unknown) | null | undefined,
  onRejected: ((reason: unknown) => unknown) | null | undefined,
  { resolve, reject }: Settlers,
): void {
  try {
    if (state.name === "rejected") {
      if (typeof onRejected === "function") resolve(onRejected(state.reason));
      else reject(state.reason);
    } else if (state.name === "fulfilled") {
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- `then` typed the callback by this promise's value
      resolve(typeof onFulfilled === "function" ? onFulfilled(state.value as never) : state.value);
    }
  } catch (error) {
    reject(error);
  }
}

function isObject(value: unknown): value is object {
  return (typeof value === "object" && value !== null) || typeof value === "function";
}
