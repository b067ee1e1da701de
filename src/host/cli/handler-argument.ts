import { InvalidArgumentError } from "commander";
import {
  HANDLER_NAME_PATTERN,
  HANDLER_NAME_RULE,
  NAMESPACE_PATTERN,
  NAMESPACE_RULE,
  VERSION_PATTERN,
  VERSION_RULE,
} from "../domain/names.ts";

/** A handler as commands name it: `payments/charge`. */
export interface HandlerArgument {
  readonly namespace: string;
  readonly name: string;
}

export function parseHandler(text: string): HandlerArgument {
  const at = text.indexOf("/");
  return { namespace: parseNamespace(text.slice(0, Math.max(at, 0))), name: parseHandlerName(text.slice(at + 1)) };
}

export function parseNamespace(text: string): string {
  if (!NAMESPACE_PATTERN.test(text)) throw new InvalidArgumentError(`A namespace is ${NAMESPACE_RULE}.`);
  return text;
}

export function parseHandlerName(text: string): string {
  if (!HANDLER_NAME_PATTERN.test(text)) throw new InvalidArgumentError(`A handler's name is ${HANDLER_NAME_RULE}.`);
  return text;
}

export function parseVersion(text: string): string {
  if (!VERSION_PATTERN.test(text)) throw new InvalidArgumentError(`A version is ${VERSION_RULE}.`);
  return text;
}

/** The handler's path in the API; its parts need no escapes. */
export function handlerPath({ namespace, name }: HandlerArgument): string {
  return `/v1/namespaces/${namespace}/handlers/${name}`;
}
