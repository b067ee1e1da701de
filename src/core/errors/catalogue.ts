/**
 * Every error code of the project, by area. A code is API: renaming one is a breaking change.
 * `docs/errors.md` is generated from this table; a test holds the two together.
 */
import { AUTHORING_ERRORS } from "./authoring.ts";
import { ACCESS_ERRORS } from "./access.ts";
import { BUILD_ERRORS } from "./build.ts";
import { COMPONENT_ERRORS } from "./component.ts";
import { CONFIG_ERRORS } from "./config.ts";
import { DATABASE_ERRORS } from "./database.ts";
import { HANDLER_ERRORS } from "./handler.ts";
import { HOST_ERRORS } from "./host.ts";
import { JSON_ERRORS } from "./json.ts";
import { REGISTRY_ERRORS } from "./registry.ts";
import { REQUEST_ERRORS } from "./request.ts";
import { SANDBOX_ERRORS } from "./sandbox.ts";
import { TEMPLATE_ERRORS } from "./template.ts";

/** What is known of a code before it happens. */
export interface ErrorEntry {
  /** One sentence: what the code means. */
  readonly summary: string;
  /** Who can mend it: `user` (input, configuration), `guest` (the handler), `system` (this host or what it stands on). */
  readonly fault: "user" | "guest" | "system";
  /** What to do about it, in one or two sentences. */
  readonly remedy: string;
  /** The status that an HTTP call answers with. */
  readonly httpStatus: 400 | 401 | 403 | 404 | 408 | 409 | 413 | 422 | 429 | 500 | 503;
}

export const ERROR_CATALOGUE = {
  ...AUTHORING_ERRORS,
  ...ACCESS_ERRORS,
  ...BUILD_ERRORS,
  ...COMPONENT_ERRORS,
  ...CONFIG_ERRORS,
  ...DATABASE_ERRORS,
  ...HANDLER_ERRORS,
  ...HOST_ERRORS,
  ...JSON_ERRORS,
  ...REGISTRY_ERRORS,
  ...REQUEST_ERRORS,
  ...SANDBOX_ERRORS,
  ...TEMPLATE_ERRORS,
} as const satisfies Record<`TSK_${string}`, ErrorEntry>;

export type ErrorCode = keyof typeof ERROR_CATALOGUE;
