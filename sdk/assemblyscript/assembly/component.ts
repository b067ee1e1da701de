/**
 * The canonical ABI of `step-handler` by hand, strings as UTF-16: a string that the host writes into memory from
 * `cabi_realloc` *is* an AssemblyScript string, and one that is returned is read where it lies. Nothing is copied.
 *
 * `step-context` has more than sixteen flat fields, so `handle` gets a pointer to the record, laid out by the rules of the
 * canonical ABI (offsets beside each field below), and returns one to the outcome.
 */
import { handlerOf, registeredCallables } from "./handlers";
import { Json } from "./json";
import { CheckpointYield, Failure, Outcome, OutcomeKind, permanent, Success } from "./outcome";
import { Attribute, Checkpoint, DependencyResult, StepContext } from "./step-context";
import { TextBuffer } from "./text-buffer";
import { wellFormed } from "./well-formed";

/** The outcome: discriminant at 0, payload at 8 (a failure has a u64), 72 bytes for the largest. */
const OUTCOME: usize = memory.data(80, 8);
const PAYLOAD: usize = OUTCOME + 8;
/** name, version, callables, sdk: two words each. */
const MANIFEST: usize = memory.data(32, 4);

/** What the host has still to read must not be collected. */
const kept = new Array<string>();
let manifestName: string = "";
let manifestVersion: string = "";
let manifestSdk: string = "";

/** For the generated entry: what `describe` says besides the callables. */
export function setManifest(name: string, version: string, sdk: string): void {
  manifestName = name;
  manifestVersion = version;
  manifestSdk = sdk;
}

export function cabi_realloc(old: usize, oldSize: usize, align: usize, size: usize): usize {
  // Pinned: the collector knows nothing of pointers that only the host holds.
  if (old == 0) return __pin(__new(size, idof<string>()));
  const moved = __renew(old, size);
  if (moved != old) {
    __unpin(old);
    __pin(moved);
  }
  return moved;
}

export function __describe(): usize {
  const callables = registeredCallables();
  const list = changetype<usize>(new StaticArray<usize>(callables.length * 2));
  __pin(list);
  for (let at = 0; at < callables.length; at++) storeText(list + (<usize>at << 3), callables[at]);
  storeText(MANIFEST, manifestName);
  storeText(MANIFEST + 8, manifestVersion);
  store<usize>(MANIFEST, list, 16);
  store<i32>(MANIFEST, callables.length, 20);
  storeText(MANIFEST + 24, manifestSdk);
  return MANIFEST;
}

export function __handle(record: usize): usize {
  const step = liftContext(record);
  Math.seedRandom(<i64>step.seed);
  const handler = handlerOf(step.callable);
  if (handler === null) {
    const known = '"' + registeredCallables().join('", "') + '"';
    const message = 'Cannot run callable "' + step.callable + '": this component has ' + known;
    return lowerFailure(permanent(message).withType("handler_not_found"));
  }
  return lowerOutcome(handler(step));
}

function liftContext(at: usize): StepContext {
  const step = new StepContext();
  step.taskUuid = liftText(at);
  step.stepUuid = liftText(at + 8);
  step.correlationId = liftText(at + 16);
  step.parentCorrelationId = liftOptionalText(at + 24);
  step.namespace = liftText(at + 36);
  step.taskName = liftText(at + 44);
  step.taskVersion = liftText(at + 52);
  step.stepName = liftText(at + 60);
  step.templateStepName = liftText(at + 68);
  step.callable = liftText(at + 76);
  step.method = liftOptionalText(at + 84);
  step.attempt = load<u32>(at, 96);
  step.maxAttempts = load<u32>(at, 100);
  step.nowMs = load<u64>(at, 104);
  step.deadlineMs = load<u64>(at, 112);
  step.seed = load<u64>(at, 120);
  step.inputText = liftText(at + 128);
  step.stepInputsText = liftText(at + 136);
  step.configText = liftText(at + 144);
  step.dependencyResults = liftDependencies(load<usize>(at, 152), load<i32>(at, 156));
  step.checkpoint = load<u8>(at, 160) == 1 ? liftCheckpoint(at + 168) : null;
  step.attributes = liftAttributes(load<usize>(at, 200), load<i32>(at, 204));
  return step;
}

function liftDependencies(at: usize, count: i32): Array<DependencyResult> {
  const results = new Array<DependencyResult>(count);
  for (let index = 0; index < count; index++, at += 16) {
    results[index] = new DependencyResult(liftText(at), liftText(at + 8));
  }
  return results;
}

function liftCheckpoint(at: usize): Checkpoint {
  const accumulated = liftOptionalText(at + 16);
  return new Checkpoint(
    Json.parse(liftText(at)),
    load<u64>(at, 8),
    accumulated === null ? null : Json.parse(accumulated),
  );
}

function liftAttributes(at: usize, count: i32): Array<Attribute> {
  const attributes = new Array<Attribute>(count);
  for (let index = 0; index < count; index++, at += 16) {
    attributes[index] = new Attribute(liftText(at), liftText(at + 8));
  }
  return attributes;
}

/** The string whose address and length lie at `at`. An empty one has no address to speak of. */
function liftText(at: usize): string {
  if (load<i32>(at, 4) == 0) return "";
  const text = load<usize>(at);
  __unpin(text);
  return changetype<string>(text);
}

function liftOptionalText(at: usize): string | null {
  return load<u8>(at) == 1 ? liftText(at + 4) : null;
}

function lowerOutcome(outcome: Outcome): usize {
  switch (outcome.kind) {
    case OutcomeKind.Success: {
      const done = outcome as Success;
      const result = new TextBuffer();
      done.result.writeTo(result);
      const metadata = new TextBuffer();
      done.metadata.writeTo(metadata);
      if (result.problem.length > 0) return refuseResult(result.problem);
      if (metadata.problem.length > 0) return refuseResult(metadata.problem);
      storeText(PAYLOAD, result.toString());
      storeText(PAYLOAD + 8, metadata.toString());
      return storeOutcome(0, 16);
    }
    case OutcomeKind.Failure:
      return lowerFailure(outcome as Failure);
    default: {
      const progress = outcome as CheckpointYield;
      const cursor = new TextBuffer();
      progress.cursor.writeTo(cursor);
      const accumulated = new TextBuffer();
      if (progress.accumulated !== null) progress.accumulated!.writeTo(accumulated);
      if (cursor.problem.length > 0) return refuseResult(cursor.problem);
      if (accumulated.problem.length > 0) return refuseResult(accumulated.problem);
      storeText(PAYLOAD, cursor.toString());
      store<u64>(PAYLOAD, progress.itemsProcessed, 8);
      storeOptionalText(PAYLOAD + 16, progress.accumulated === null ? null : accumulated.toString());
      store<u8>(OUTCOME, 2);
      return OUTCOME;
    }
  }
}

function lowerFailure(failed: Failure): usize {
  const context = failed.context;
  const code = failed.errorCode;
  storeText(PAYLOAD, wellFormed(failed.message));
  storeText(PAYLOAD + 8, wellFormed(failed.errorType));
  storeOptionalText(PAYLOAD + 16, code === null ? null : wellFormed(code));
  store<u8>(PAYLOAD, failed.retryable ? 1 : 0, 28);
  store<u8>(PAYLOAD, failed.statusCode == 0 ? 0 : 1, 30);
  store<u16>(PAYLOAD, failed.statusCode, 32);
  store<u8>(PAYLOAD, failed.retryAfterMs < 0 ? 0 : 1, 40);
  store<u64>(PAYLOAD, <u64>failed.retryAfterMs, 48);
  storeText(PAYLOAD + 56, context === null ? "{}" : context.toString());
  return storeOutcome(1, 64);
}

function refuseResult(found: string): usize {
  return lowerFailure(permanent("Cannot finish the step: its result holds " + found).withType("invalid_result"));
}

/** The discriminant, and the empty attributes at `attributes`. */
function storeOutcome(kind: u8, attributes: usize): usize {
  store<u8>(OUTCOME, kind);
  store<usize>(PAYLOAD + attributes, 0);
  store<i32>(PAYLOAD + attributes, 0, 4);
  return OUTCOME;
}

function storeText(at: usize, text: string): void {
  kept.push(text);
  store<usize>(at, changetype<usize>(text));
  store<i32>(at, text.length, 4);
}

function storeOptionalText(at: usize, text: string | null): void {
  store<u8>(at, text === null ? 0 : 1);
  if (text !== null) storeText(at + 4, text);
}
