import type { ErrorEntry } from "./catalogue.ts";

/** Postgres: absent, too old, refused, or not ours. */
export const DATABASE_ERRORS = {
  TSK_DATABASE_UNREACHABLE: {
    summary: "No connection to Postgres",
    fault: "system",
    remedy:
      "Check that the server at DATABASE_URL is up and accepts this user; without DATABASE_URL the host starts its own",
    httpStatus: 503,
  },
} as const satisfies Record<`TSK_${string}`, ErrorEntry>;
