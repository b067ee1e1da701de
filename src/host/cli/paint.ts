import { styleText } from "node:util";
import type { OutputStream } from "./cli-context.ts";

export type Style = "bold" | "dim" | "red" | "green" | "yellow" | "cyan" | "blue" | "gray";

/** Colours a text, or leaves it as it is. */
export type Paint = (style: Style, text: string) => string;

/** Colours on a terminal only, and not where `NO_COLOR` is set (https://no-color.org) or the terminal is dumb. */
export function paintFor(stream: OutputStream, env: NodeJS.ProcessEnv): Paint {
  const colors = isTerminal(stream, env) && (env["NO_COLOR"] ?? "") === "";
  return (style, text) => (colors && text !== "" ? styleText(style, text, { validateStream: false }) : text);
}

/** True where the cursor can be moved. */
export function isTerminal(stream: OutputStream, env: NodeJS.ProcessEnv): boolean {
  return stream.isTTY === true && env["TERM"] !== "dumb";
}
