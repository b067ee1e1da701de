import { TaskerError } from "../../core/errors/index.ts";
import type { ConfigFlag } from "../config/text-settings.ts";
import { ApiClient } from "./api-client.ts";
import type { CliContext } from "./cli-context.ts";

/** Options of every command that talks to the API. */
export interface ApiCommandOptions {
  readonly url?: string;
  readonly json?: true;
}

export const URL_OPTION = ["--url <url>", "the API to talk to (default: orchestration_api.base_url)"] as const;
export const JSON_OPTION = ["--json", "print JSON, one object a line"] as const;

/** A client of the API that configuration and `--url` name. */
export function apiClientFor({ url }: ApiCommandOptions, context: CliContext): ApiClient {
  const flags: ConfigFlag[] =
    url === undefined ? [] : [{ flag: "--url", key: "orchestration_api.base_url", value: url }];
  const { orchestrationApi } = context.loadConfig(flags).config;
  return new ApiClient({
    baseUrl: orchestrationApi.baseUrl.replace(/\/+$/, ""),
    timeoutMs: orchestrationApi.timeoutSeconds * 1_000,
    retryAttempts: orchestrationApi.retryAttempts,
    clock: context.clock,
    interrupted: context.interrupted,
  });
}

/** The refusal of an argument or option. */
export function usageError(attempted: string, found: string, accepted: string): TaskerError {
  return new TaskerError("TSK_REQUEST_INVALID", { attempted, found, accepted });
}
