/**
 * The queue of jobs that promises put off. The engines' own queue is out of reach inside a synchronous export (QuickJS
 * does not drain it before the export returns), so the SDK's `Promise` uses this one and `handle` drains it.
 */
/** An object and not a function: a closure for each job would be the larger part of its cost. */
interface Job {
  run(): void;
}

let jobs: Job[] = [];
let drainedByHandle = false;
/** The engine's own promise. At build time its queue is drained, and ours with it, so that top-level `await` works. */
export const EnginePromise = globalThis.Promise;

/** Puts `job` at the end of the queue. */
export function enqueueJob(job: Job): void {
  jobs.push(job);
  if (!drainedByHandle && jobs.length === 1) void EnginePromise.resolve().then(drainJobs);
}

/** From now on only explicit calls of `drainJobs` run jobs. */
export function drainOnlyByHandle(): void {
  drainedByHandle = true;
}

/** Runs jobs until none is left, those included that jobs add. */
export function drainJobs(): void {
  // By generations: a long chain of awaits must not keep every job that it ever had.
  while (jobs.length > 0) {
    const generation = jobs;
    jobs = [];
    // Jobs never throw: a promise's job turns what its callback throws into a rejection.
    for (const job of generation) job.run();
  }
}
