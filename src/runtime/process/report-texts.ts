/**
 * The guest's own texts beside a report, as blobs of its frame: what the outcome says, its attributes, the log lines. In the
 * head, which is JSON, a megabyte of empty lines would be a hundred megabytes of values for the host.
 */
import type { RunLimits } from "../limits.ts";
import { isSaid, type LogLine, type RunReport, type SaidOutcome } from "../outcome.ts";
import { attributesOf, textsOf } from "../report-size.ts";
import type { Attributes } from "../step-context.ts";
import { unreachable } from "../unreachable.ts";
import { protocol } from "./frames.ts";
import { packTexts, unpackTexts } from "./text-list.ts";

/** Texts of the outcome, attributes, log lines. */
export const REPORT_BLOBS = 3;
/** The lengths of a failure's four texts. */
const LENGTHS_BYTES = 16;

/** A line as packed begins with the sign of its level. An empty line packed is shorter than what it counts. */
const LEVELS: readonly LogLine["level"][] = ["trace", "debug", "info", "warn", "error"];

/** What a report of a run with these limits can have as blobs. */
export function maxReportBlobBytes({ maxResultBytes, maxErrorBytes, maxLogBytes }: RunLimits): number {
  return LENGTHS_BYTES + Math.max(maxResultBytes, maxErrorBytes) + maxLogBytes;
}

export function detachTexts({ outcome, usage, logs }: RunReport): {
  readonly report: RunReport;
  readonly blobs: readonly Buffer[];
} {
  const lines = packTexts(
    logs.flatMap(({ level, message, fieldsJson }) => [String(LEVELS.indexOf(level)), message, fieldsJson]),
  );
  if (!isSaid(outcome)) return { report: { outcome, usage, logs: [] }, blobs: [EMPTY, EMPTY, lines] };
  return {
    report: { outcome: withTexts(outcome, [], []), usage, logs: [] },
    blobs: [packTexts(textsOf(outcome)), packTexts(attributesOf(outcome).flat()), lines],
  };
}

const EMPTY = Buffer.alloc(0);

/** The report as it was before `detachTexts`. @throws TSK_SANDBOX_PROTOCOL for blobs that are nothing of the kind. */
export function attachTexts({ outcome, usage }: RunReport, blobs: readonly Buffer[]): RunReport {
  const [texts = EMPTY, attributes = EMPTY, lines = EMPTY] = blobs;
  return {
    outcome: isSaid(outcome) ? withTexts(outcome, unpacked(texts), pairsOf(unpacked(attributes))) : outcome,
    usage,
    logs: linesOf(unpacked(lines)),
  };
}

/** In the order of `textsOf`; a text that is not there is empty, which is no JSON. */
function withTexts(outcome: SaidOutcome, texts: readonly string[], attributes: Attributes): SaidOutcome {
  switch (outcome.kind) {
    case "success": {
      const [resultJson = "", metadataJson = ""] = texts;
      return { ...outcome, resultJson, metadataJson, attributes };
    }
    case "failure": {
      const [message = "", errorType = "", code = "", contextJson = ""] = texts;
      const errorCode = outcome.errorCode === undefined ? undefined : code;
      return { ...outcome, message, errorType, errorCode, contextJson, attributes };
    }
    case "checkpoint-yield": {
      const [cursorJson = "", accumulated = ""] = texts;
      return {
        ...outcome,
        cursorJson,
        accumulatedJson: outcome.accumulatedJson === undefined ? undefined : accumulated,
      };
    }
    default:
      return unreachable(outcome);
  }
}

function unpacked(blob: Buffer): readonly string[] {
  return unpackTexts(blob) ?? protocol("a blob that is no list of texts");
}

function pairsOf(texts: readonly string[]): Attributes {
  const pairs: (readonly [string, string])[] = [];
  for (let at = 0; at < texts.length; at += 2) pairs.push([texts[at] ?? "", texts[at + 1] ?? ""]);
  return pairs;
}

function linesOf(texts: readonly string[]): readonly LogLine[] {
  const lines: LogLine[] = [];
  for (let at = 0; at < texts.length; at += 3) {
    const level = LEVELS[Number(texts[at])] ?? protocol("a log line of no level");
    lines.push({ level, message: texts[at + 1] ?? "", fieldsJson: texts[at + 2] ?? "" });
  }
  return lines;
}
