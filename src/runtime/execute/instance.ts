import type { AbiOptions, ExportReference } from "../link-plan.ts";
import { AbiError } from "./canonical-abi/abi-error.ts";
import { AbiMemory } from "./canonical-abi/abi-memory.ts";
import type { AbiValue } from "./canonical-abi/codec.ts";
import type { CompiledFunction } from "./compiled-component.ts";
import type { MeterState } from "./meter-state.ts";

type CoreFunction = (...args: unknown[]) => unknown;

/** One instance of a component: the instances of its core modules, in the order of the plan. Lives for one run. */
export class ComponentInstance {
  /** Looked up once: `exports` is a call into V8. */
  readonly #exports: WebAssembly.Instance["exports"][] = [];
  readonly #entered = new Set<number>();
  #mayLeave = true;

  /**
   * False while the guest allocates or cleans up for the host. By the canonical ABI it must not call out then: allocators
   * that did could call each other through the host without end, on a stack whose depth nothing counts.
   */
  get mayLeave(): boolean {
    return this.#mayLeave;
  }

  add(instance: WebAssembly.Instance): void {
    this.#exports.push(instance.exports);
  }

  /** An export of an instance that is there already. */
  export({ instance, name }: ExportReference): WebAssembly.ExportValue {
    const value = this.#exports[instance]?.[name];
    if (value === undefined) throw new AbiError(`the plan names an export ${JSON.stringify(name)} that is not there`);
    return value;
  }

  function(reference: ExportReference): CoreFunction {
    const value = this.export(reference);
    if (typeof value !== "function") throw new AbiError(`${JSON.stringify(reference.name)} is no function`);
    return value;
  }

  /** The memory that values of a function cross by. `budget` bounds the bytes copied out of it. */
  memoryFor(abi: AbiOptions, budget: number): AbiMemory {
    const memory = abi.memory === undefined ? undefined : this.export(abi.memory);
    if (memory !== undefined && !(memory instanceof WebAssembly.Memory)) throw new AbiError("the memory is no memory");
    const realloc = abi.realloc === undefined ? undefined : this.#staying(this.function(abi.realloc));
    return new AbiMemory({ encoding: abi.encoding, memory, realloc }, budget);
  }

  /**
   * Begins a call into a component instance. By the canonical ABI it is not entered again until that has returned: two that
   * call each other would do so through the host without end. One that a trap or an exception left is not entered again at all.
   */
  enter(owner: number): void {
    if (this.#entered.has(owner)) throw new AbiError("a call into a component instance whose own call is under way");
    this.#entered.add(owner);
  }

  /**
   * Calls a lifted function and all that belongs to it, in one go. For calls between components inside a component.
   * What is moved into the callee's memory or out of it is paid here.
   */
  call(
    target: CompiledFunction,
    args: readonly AbiValue[],
    budget: number,
    meter: Pick<MeterState, "pay" | "paid">,
  ): AbiValue | undefined {
    const { owner } = target.lifted;
    this.enter(owner);
    const memory = this.memoryFor(target.lifted.abi, budget);
    const params = target.codec.lowerParams(memory, args);
    meter.pay(memory);
    const returned = this.function(target.lifted.func)(...params);
    const value = meter.paid(memory, () => target.codec.liftResult(memory, returned));
    this.postReturn(target, returned);
    this.#entered.delete(owner);
    return value;
  }

  /** Lets the guest clean up after its result was read. */
  postReturn({ lifted: { postReturn } }: CompiledFunction, returned: unknown): void {
    if (postReturn !== undefined) this.#staying(this.function(postReturn))(returned);
  }

  #staying(call: CoreFunction): CoreFunction {
    return (...args) => {
      this.#mayLeave = false;
      try {
        return call(...args);
      } finally {
        this.#mayLeave = true;
      }
    };
  }
}
