/**
 * Children of the gate that have started before anybody asks them: what takes long about a small upload is that a process
 * starts, loads its code and runs it for the first time. Each is asked by one upload and ends with it, ready or not; a spare of
 * `dev` has rehearsed the upload before (docs/decisions/0003-processes.md).
 */
import { Child } from "./child-process.ts";
import type { ChildKind } from "./code-snapshot.ts";
import type { Frame, FrameLimits } from "./frames.ts";

export type GateKind = Exclude<ChildKind, "sandbox">;

const NOTHING: FrameLimits = { maxHeadBytes: 0, maxHeadValues: 0, maxBlobs: 0, maxBlobBytes: 0 };

/** What its one conversation hears of it. */
export interface ChildListener {
  readonly frameLimits: () => FrameLimits;
  readonly onFrame: (frame: Frame) => void;
  readonly onExit: (reason: string) => void;
}

/** A question that was answered before, and how large each of its answers may be. */
export interface Rehearsal {
  readonly request: object;
  readonly component: Uint8Array<ArrayBuffer>;
  readonly answers: readonly FrameLimits[];
}

/** A child that nobody has asked yet. */
export class ReadyChild {
  #child: Child | undefined;
  #listener: ChildListener | undefined;
  #exited: string | undefined;

  private constructor() {}

  /** @throws TSK_SANDBOX_START_FAILED */
  static async start(kind: GateKind, heapMegabytes: number): Promise<ReadyChild> {
    const ready = new ReadyChild();
    ready.#child = await Child.start({
      kind,
      heapMegabytes,
      // `describe` runs once, too short for the other compiler to gain anything: it must end alike at each upload.
      tiers: kind === "prepare" ? "first" : "both",
      // It has nothing to say before it is asked.
      frameLimits: () => ready.#listener?.frameLimits() ?? NOTHING,
      onFrame: (frame) => ready.#listener?.onFrame(frame),
      onExit: (reason) => {
        ready.#exited = reason;
        ready.#listener?.onExit(reason);
      },
    });
    return ready;
  }

  get isAlive(): boolean {
    return this.#exited === undefined;
  }

  /** Has it answer once for nobody, so that V8 knows its code. Resolves also where it dies over that. */
  async rehearse({ request, component, answers }: Rehearsal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    let answered = 0;
    const child = this.listen({
      frameLimits: () => answers[answered] ?? NOTHING,
      onFrame: ({ head }) => {
        answered += 1;
        // What it accepted once it does not refuse now: it is not what it should be.
        if (typeof head === "object" && head !== null && "refusal" in head) this.end("it refused a rehearsal");
        if (answered === answers.length) resolve();
      },
      onExit: () => resolve(),
    });
    if (this.isAlive) child.send(request, [component]);
    await promise;
    this.#listener = undefined;
  }

  /** Gives it to its conversation; one that has ended meanwhile says so at once. */
  listen(listener: ChildListener): Child {
    this.#listener = listener;
    if (this.#exited !== undefined) listener.onExit(this.#exited);
    if (this.#child === undefined) throw new TypeError("it was never started");
    return this.#child;
  }

  end(reason: string): void {
    this.#child?.kill(reason);
  }
}
