/** A share of its time: a timer that fires later than this was held up with the whole process. */
const LATE_SHARE = 0.25;

/**
 * Calls `then` after `ms`, and once more after as long where the process itself stood still meanwhile: what came in that time
 * has not been read yet, since timers come before sockets. Returns what calls it off.
 */
export function awakeTimer(ms: number, then: () => void): () => void {
  const dueMs = performance.now() + ms;
  let timer = setTimeout(() => {
    if (performance.now() - dueMs <= ms * LATE_SHARE) then();
    else timer = setTimeout(then, ms);
  }, ms);
  return () => clearTimeout(timer);
}
