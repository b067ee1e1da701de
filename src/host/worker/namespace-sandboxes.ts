import type { Sandbox } from "../../runtime/index.ts";

/** One sandbox a namespace, made when the first step of the namespace comes. */
export class NamespaceSandboxes implements AsyncDisposable {
  readonly #create: (namespace: string) => Sandbox;
  readonly #sandboxes = new Map<string, Promise<Sandbox>>();

  constructor(create: (namespace: string) => Sandbox) {
    this.#create = create;
  }

  of(namespace: string): Promise<Sandbox> {
    const known = this.#sandboxes.get(namespace);
    if (known !== undefined) return known;
    const sandbox = this.#create(namespace);
    const started = sandbox.start().then(() => sandbox);
    this.#sandboxes.set(namespace, started);
    started.catch(() => this.#sandboxes.delete(namespace));
    return started;
  }

  async stop(): Promise<void> {
    const started = await Promise.allSettled(this.#sandboxes.values());
    this.#sandboxes.clear();
    const sandboxes = started.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
    await Promise.all(sandboxes.map((sandbox) => sandbox.stop()));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }
}
