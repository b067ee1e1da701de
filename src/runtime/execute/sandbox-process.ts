/** Entry of the sandbox process: compiles what it is given and runs steps, one after the other, until the pipe closes. */
import { unpackTrustedArtifact } from "../artifact-container.ts";
import type { RunReport } from "../outcome.ts";
import { sendFrame, serveFrames, trusted } from "../process/child-channel.ts";
import { detachTexts } from "../process/report-texts.ts";
import { decodeContext, isToSandbox, type WireRun } from "../process/run-wire.ts";
import { type CompiledComponent, compileComponent } from "./compiled-component.ts";
import { MemoryPool } from "./memory-pool.ts";
import { runStep } from "./run-step.ts";
import { SourceMap } from "./source-frames.ts";

/** Zeroed memories kept for the next run: a dozen of StarlingMonkey's, hundreds of the others'. */
const IDLE_MEMORY_BYTES = 134_217_728;

const components = new Map<string, CompiledComponent>();
const sourceMaps = new Map<string, SourceMap>();
const pool = new MemoryPool(IDLE_MEMORY_BYTES, () => globalThis.gc?.());

Error.stackTraceLimit = 32;

serveFrames(({ head, blobs }) => {
  const message = trusted(head, isToSandbox);
  switch (message.kind) {
    case "load": {
      const [artifact] = blobs;
      if (artifact === undefined) throw new Error("a load without an artifact");
      components.set(message.digest, compileComponent(unpackTrustedArtifact(artifact)));
      return;
    }
    case "source-map":
      sourceMaps.set(message.digest, new SourceMap(blobs[0]?.toString("utf8") ?? ""));
      return;
    case "unload":
      components.delete(message.digest);
      sourceMaps.delete(message.digest);
      return;
    case "runs":
      runAll(message.runs, blobs);
  }
});

/** "Started" must have left before a guest runs: the deadline counts from there. It rides with the report before it. */
function runAll(runs: readonly WireRun[], blobs: readonly Buffer[]): void {
  runs.forEach((run, index) => {
    if (index === 0) sendFrame({ started: run.id });
    const { report, blobs: texts } = detachTexts(runOne(run, blobs));
    sendFrame({ done: { id: run.id, report }, started: runs[index + 1]?.id }, texts);
  });
}

function runOne(run: WireRun, blobs: readonly Buffer[]): RunReport {
  const component = components.get(run.digest);
  if (component === undefined) throw new Error("a run of a component that was not loaded");
  const context = decodeContext(run, blobs);
  return runStep({ component, context, limits: run.limits, sourceMap: sourceMaps.get(run.digest) }, pool);
}
