import { enqueueJob } from "./job-queue.ts";

type Resolve<T> = (value: T | PromiseLike<T>) => void;
type Reject = (reason: unknown) => void;

/** Promises that were rejected while nobody listened; emptied by `takeUnhandled`. */
const unhandled = new Set<StepPromise<unknown>>();

/** The reasons of rejections that nobody listened to since the last call, but for `known`, which somebody is about to. */
export function takeUnhandled(known: StepPromise<unknown>): unknown[] {
  unhandled.delete(known);
  const reasons = Array.from(unhandled, ({ value }) => value);
  unhandled.clear();
  return reasons;
}

/** The executor of promises that this module settles itself. */
function settledFromHere(): void {}

/**
 * `Promise` for handlers: the ECMAScript one, on the SDK's job queue. It stands in for the global, so that lowered
 * `async` functions and every library use it.
 *
 * Written for an interpreter in which each object and each closure costs thousands of instructions (an `await` took 104 k fuel
 * with the two functions of an executor made each time): plain members, declared so that they are set once and not
 * initialised before, and one object a reaction.
 */
export class StepPromise<T> implements Promise<T> {
  /** Read by the glue, which asks a settled promise for its value without another turn of the queue. */
  declare state: "pending" | "fulfilled" | "rejected";
  /** What it came to: a `T`, or the reason. `then` gives it its type back. */
  declare value: unknown;
  declare reactions: Reaction[] | undefined;

  constructor(executor: (resolve: Resolve<T>, reject: Reject) => void) {
    this.state = "pending";
    this.value = undefined;
    this.reactions = undefined;
    if (executor === settledFromHere) return;
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
    // Of the class that `then` was called on: subclasses derive subclasses.
    const derived: StepPromise<A | B> =
      this.constructor === StepPromise
        ? new StepPromise<A | B>(settledFromHere)
        : Reflect.construct(this.constructor, [settledFromHere]);
    const reaction = new Reaction(this, onFulfilled, onRejected, derived);
    if (this.state !== "pending") {
      if (this.state === "rejected") unhandled.delete(this);
      enqueueJob(reaction);
    } else if (this.reactions === undefined) this.reactions = [reaction];
    else this.reactions.push(reaction);
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
    if (value instanceof StepPromise) return value;
    const promise = new StepPromise<unknown>(settledFromHere);
    resolvePromise(promise, value);
    return promise;
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
  if (!isObject(value)) return settle(promise, "fulfilled", value);
  if (value === promise) return rejectPromise(promise, new TypeError("Cannot resolve a promise with itself"));
  let then: unknown;
  try {
    then = Reflect.get(value, "then");
  } catch (error) {
    return rejectPromise(promise, error);
  }
  if (typeof then === "function") enqueueJob(new Adoption(promise, value, then));
  else settle(promise, "fulfilled", value);
}

function rejectPromise(promise: StepPromise<unknown>, reason: unknown): void {
  if (promise.state === "pending" && promise.reactions === undefined) unhandled.add(promise);
  settle(promise, "rejected", reason);
}

function settle(promise: StepPromise<unknown>, state: "fulfilled" | "rejected", value: unknown): void {
  const { reactions } = promise;
  promise.state = state;
  promise.value = value;
  promise.reactions = undefined;
  if (reactions) for (const reaction of reactions) enqueueJob(reaction);
}

/** The job that settles a derived promise as the first one's state and the callbacks of `then` have it. */
class Reaction {
  declare private readonly of: StepPromise<unknown>;
  declare private readonly onFulfilled: ((value: never) => unknown) | null | undefined;
  declare private readonly onRejected: ((reason: unknown) => unknown) | null | undefined;
  declare private readonly derived: StepPromise<unknown>;

  constructor(
    of: StepPromise<unknown>,
    onFulfilled: ((value: never) => unknown) | null | undefined,
    onRejected: ((reason: unknown) => unknown) | null | undefined,
    derived: StepPromise<unknown>,
  ) {
    this.of = of;
    this.onFulfilled = onFulfilled;
    this.onRejected = onRejected;
    this.derived = derived;
  }

  run(): void {
    const { of, derived } = this;
    const fulfilled = of.state === "fulfilled";
    const callback = fulfilled ? this.onFulfilled : this.onRejected;
    if (typeof callback !== "function") {
      if (fulfilled) resolvePromise(derived, of.value);
      else rejectPromise(derived, of.value);
      return;
    }
    let result: unknown;
    try {
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- `then` typed the callback by this promise's value
      result = callback(of.value as never);
    } catch (error) {
      return rejectPromise(derived, error);
    }
    resolvePromise(derived, result);
  }
}

/** The job that lets a thenable settle a promise. */
class Adoption {
  declare private readonly promise: StepPromise<unknown>;
  declare private readonly thenable: object;
  declare private readonly adopt: Function;

  constructor(promise: StepPromise<unknown>, thenable: object, then: Function) {
    this.promise = promise;
    this.thenable = thenable;
    this.adopt = then;
  }

  run(): void {
    const { resolve, reject } = settlersOf(this.promise);
    try {
      Reflect.apply(this.adopt, this.thenable, [resolve, reject]);
    } catch (error) {
      reject(error);
    }
  }
}

function isObject(value: unknown): value is object {
  return (typeof value === "object" && value !== null) || typeof value === "function";
}
