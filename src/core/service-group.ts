import type { Service } from "./service.ts";

/** Services that end side by side: none waits for what another still has under way. */
export class ServiceGroup implements AsyncDisposable {
  readonly #services: Service[] = [];

  /** Adds a service, before its start: one that fails to start is stopped with the others. */
  add<Kind extends Service>(service: Kind): Kind {
    this.#services.push(service);
    return service;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ends = await Promise.allSettled(this.#services.map((service) => service.stop()));
    const failures = ends.filter((end) => end.status === "rejected").map(({ reason }): unknown => reason);
    if (failures.length > 0) throw new AggregateError(failures, "parts of the host did not stop");
  }
}
