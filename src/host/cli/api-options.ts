import { TaskerError } from "../../core/errors/index.ts";
import type { ConfigFlag } from "../config/text-settings.ts";
import { ApiClient } from "./api-client.ts";
import type { CliContext } from "./cli-context.ts";

/** Options of every command that talks to the API. */
export interface ApiCommandOptions {
  readonly url?: string;
  readonly token?: string;
  readonly json?: true;
}

export const URL_OPTION = ["--url <url>", "the API to talk to (default: orchestration_api.base_url)"] as const;
export const TOKEN_OPTION = [
  "--token <token>",
  "an API token or JWT (default: TASKER_TOKEN, which other users of the machine do not see in its process list)",
] as const;
export const JSON_OPTION = ["--json", "print JSON, one object a line"] as const;

/** A client of the API that configuration and `--url` name. */
export function apiClientFor({ url, token }: ApiCommandOptions, context: CliContext): ApiClient {
  const flags: ConfigFlag[] =
    url === undefined ? [] : [{ flag: "--url", key: "orchestration_api.base_url", value: url }];
  const { orchestrationApi } = context.loadConfig(flags).config;
  return new ApiClient({
    baseUrl: orchestrationApi.baseUrl.replace(/\/+$/, ""),
    token: tokenOf(token ?? context.env["TASKER_TOKEN"] ?? ""),
    timeoutMs: orchestrationApi.timeoutSeconds * 1_000,
    retryAttempts: orchestrationApi.retryAttempts,
    clock: context.clock,
    interrupted: context.interrupted,
  });
}

/** Undefined where there is none. What no header can hold is refused here, without showing it. */
function tokenOf(text: string): string | undefined {
  const token = text.trim();
  if (token === "") return undefined;
  if (/^[\x21-\x7e]+$/.test(token)) return token;
  throw usageError("Cannot use the token", "characters that no token has (hidden)", "an API token or a JWT");
}

/** The refusal of an argument or option. */
export function usageError(attempted: string, found: string, accepted: string): TaskerError {
  return new TaskerError("TSK_REQUEST_INVALID", { attempted, found, accepted });
}
