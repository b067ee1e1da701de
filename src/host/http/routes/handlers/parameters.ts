import { z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { TaskerError } from "../../../../core/errors/index.ts";
import type { VersionName } from "../../../database/handler-versions.ts";
import { HANDLER_NAME_PATTERN, HANDLER_NAME_RULE, VERSION_PATTERN, VERSION_RULE } from "../../../domain/names.ts";
import type { AppEnv } from "../../deps.ts";

const namespace = z.string().openapi({ example: "payments" });
const name = z.string().openapi({ example: "charge" });
const version = z.string().openapi({ example: "1.4.0" });

export const NamespaceParams = z.object({ namespace });
export const HandlerParams = z.object({ namespace, name });
export const VersionParams = z.object({ namespace, name, version });

/** The handler that a path names; the guard has checked the namespace. @throws TSK_REQUEST_INVALID */
export function handlerOf(c: Context<AppEnv>): { readonly namespace: string; readonly name: string } {
  const given = c.req.param("name") ?? "";
  if (!HANDLER_NAME_PATTERN.test(given)) throw wrong("name", given, HANDLER_NAME_RULE);
  return { namespace: c.req.param("namespace") ?? "", name: given };
}

/** The version that a path names. @throws TSK_REQUEST_INVALID */
export function versionOf(c: Context<AppEnv>): VersionName {
  return { ...handlerOf(c), version: checkedVersion(c.req.param("version") ?? "") };
}

/** @throws TSK_REQUEST_INVALID */
export function checkedVersion(given: string): string {
  if (VERSION_PATTERN.test(given)) return given;
  throw wrong("version", given, VERSION_RULE);
}

function wrong(parameter: string, given: string, accepted: string): TaskerError {
  return new TaskerError("TSK_REQUEST_INVALID", {
    attempted: `Cannot read the parameter "${parameter}"`,
    found: JSON.stringify(given.slice(0, 80)),
    accepted,
  });
}
