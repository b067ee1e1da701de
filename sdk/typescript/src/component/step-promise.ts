import { enqueueJob } from "./job-queue.ts";

type Resolve<T> = (value: T | PromiseLike<T>) => void;
type Reject = (reason: unknown) => void;
type State<T> =
  | { readonly name: "pending"; readonly reactions: (() => void)[] }
  | { readonly name: "fulfilled"; readonly value: T }
  | { readonly name: "rejected"; readonly reason: unknown };

/** Promises that were rejected while nobody listened; emptied by `takeUnhandled`. */
const unhandled = new Set<StepPromise<unknown>>();

/** The reasons of rejections that nobody listened to since the last call. */
export function takeUnhandled(): unknown[] {
  const reasons = Array.from(unhandled, (promise) => promise.state).map((state) =>
    state.name === "rejected" ? state.reason : undefined,
  );
  unhandled.clear();
  return reasons;
}

/**
 * `Promise` for handlers: the ECMAScript one, on the SDK's job queue. It stands in for the global, so that lowered
 * `async` functions and every library use it.
 */
export class StepPromise<T> implements Promise<T> {
  /** Read by the glue, which asks a settled promise for its value without another turn of the queue. */
  state: State<T> = { name: "pending", reactions: [] };

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
    const derived = withResolversOf<A | B>(this.constructor);
    const react = (): void => enqueueJob(() => derived.settleFrom(this.state, onFulfilled, onRejected));
    if (this.state.name === "pending") this.state.reactions.push(react);
    else react();
    return derived.promise;
  }

  catch<B = never>(onRejected?: ((reason: unknown) => B | PromiseLike<B>) | null): StepPromise<T | B> {
    return this.then(undefined, onRejected);
  }

  finally(onFinally?: (() => void) | null): StepPromise<T> {
    if (typeof onFinally !== "function") return this.then();
    return this.then(
      (value) => StepPromise.resolve(onFinally()).then(() => value),
      (reason: unknown) =>
        StepPromise.resolve(onFinally()).then((): never => {
          throw reason;
        }),
    );
  }

  static resolve<V>(this: void, value?: V | PromiseLike<V>): StepPromise<V> {
    if (value instanceof StepPromise) return value;
    // Without an argument the value is undefined, which is what V is then.
    return new StepPromise<V>((resolve) => resolve(value as V));
  }

  static reject(this: void, reason?: unknown): StepPromise<never> {
    return new StepPromise((_resolve, reject) => reject(reason));
  }

  static withResolvers<V>(this: void): { promise: StepPromise<V>; resolve: Resolve<V>; reject: Reject } {
    let resolve: Resolve<V> = () => {};
    let reject: Reject = () => {};
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
    return collect<V, V[]>(values, (each, place, { put, reject }) => each.then((value) => put(place, value), reject));
  }

  static allSettled<V>(this: void, values: Iterable<V | PromiseLike<V>>): StepPromise<PromiseSettledResult<V>[]> {
    return collect<V, PromiseSettledResult<V>[]>(values, (each, place, { put }) =>
      each.then(
        (value) => put(place, { status: "fulfilled", value }),
        (reason: unknown) => put(place, { status: "rejected", reason }),
      ),
    );
  }

  static any<V>(this: void, values: Iterable<V | PromiseLike<V>>): StepPromise<V> {
    return new StepPromise<V>((resolve, reject) => {
      collect<V, unknown[]>(values, (each, place, { put }) =>
        each.then(resolve, (reason: unknown) => put(place, reason)),
      ).then((reasons) => reject(new AggregateError(reasons, "All promises were rejected")), reject);
    });
  }

  static race<V>(this: void, values: Iterable<V | PromiseLike<V>>): StepPromise<V> {
    return new StepPromise<V>((resolve, reject) => {
      for (const value of values) StepPromise.resolve(value).then(resolve, reject);
    });
  }
}

/** The pair of functions that decide a promise; only the first call of either counts. (Private members would be lowered to weak maps.) */
function settlersOf<T>(promise: StepPromise<T>): { resolve: Resolve<T>; reject: Reject } {
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

function resolvePromise<T>(promise: StepPromise<T>, value: T | PromiseLike<T>): void {
  if (value === promise) return rejectPromise(promise, new TypeError("Cannot resolve a promise with itself"));
  let then: unknown;
  try {
    then = isObject(value) && "then" in value ? value.then : undefined;
  } catch (error) {
    return rejectPromise(promise, error);
  }
  if (typeof then !== "function") {
    // Not a thenable, so it is the value itself.
    return settle(promise, { name: "fulfilled", value: value as T });
  }
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

function rejectPromise<T>(promise: StepPromise<T>, reason: unknown): void {
  if (promise.state.name === "pending" && promise.state.reactions.length === 0) unhandled.add(promise);
  settle(promise, { name: "rejected", reason });
}

function settle<T>(promise: StepPromise<T>, state: State<T>): void {
  const before = promise.state;
  promise.state = state;
  if (before.name === "pending") for (const reaction of before.reactions) reaction();
}

interface Collector<R extends unknown[]> {
  put(place: number, result: R[number]): void;
  reject: Reject;
}

/** Listens to each value, and settles when all have put their results in place. */
function collect<V, R extends unknown[]>(
  values: Iterable<V | PromiseLike<V>>,
  listen: (each: StepPromise<V>, place: number, collector: Collector<R>) => void,
): StepPromise<R> {
  return new StepPromise<R>((resolve, reject) => {
    const results: unknown[] = [];
    let missing = 1;
    // Every place holds an R[number] when the last is filled: `put` is the only writer.
    const arrived = (): void => void ((missing -= 1) === 0 && resolve(results as R));
    const put: Collector<R>["put"] = (place, result) => {
      results[place] = result;
      arrived();
    };
    let place = 0;
    for (const value of values) {
      missing += 1;
      results.push(undefined);
      listen(StepPromise.resolve(value), place, { put, reject });
      place += 1;
    }
    arrived();
  });
}

interface Derived<T> {
  readonly promise: StepPromise<T>;
  settleFrom<S>(
    state: State<S>,
    onFulfilled: ((value: S) => T | PromiseLike<T>) | null | undefined,
    onRejected: ((reason: unknown) => T | PromiseLike<T>) | null | undefined,
  ): void;
}

/** A promise of the class that `then` was called on: subclasses derive subclasses. */
function withResolversOf<T>(constructor: Function): Derived<T> {
  let resolve: Resolve<T> = () => {};
  let reject: Reject = () => {};
  // A subclass of StepPromise takes an executor as StepPromise does; anything else is not a `this` of `then`.
  const Class = constructor as typeof StepPromise<T>;
  const promise = new Class((whenResolved, whenRejected) => {
    resolve = whenResolved;
    reject = whenRejected;
  });
  return {
    promise,
    settleFrom(state, onFulfilled, onRejected) {
      try {
        if (state.name === "rejected") {
          if (typeof onRejected === "function") resolve(onRejected(state.reason));
          else reject(state.reason);
        } else if (state.name === "fulfilled") {
          // Without a callback the value passes through: `then` typed its result as this value's then.
          resolve(
            typeof onFulfilled === "function" ? onFulfilled(state.value) : (state.value as T & typeof state.value),
          );
        }
      } catch (error) {
        reject(error);
      }
    },
  };
}

function isObject(value: unknown): value is object {
  return (typeof value === "object" && value !== null) || typeof value === "function";
}
