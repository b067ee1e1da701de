import { type Command, InvalidArgumentError } from "commander";
import { TaskerError } from "../../core/errors/index.ts";
import type { Database } from "../database/connection.ts";
import { createToken, listTokens, revokeToken } from "../database/tokens.ts";
import { NAMESPACE_PATTERN, NAMESPACE_RULE } from "../domain/names.ts";
import { isPermissionGrant, nearestPermission, PERMISSION_RULE } from "../domain/permissions.ts";
import type { NamespaceScope } from "../domain/principal.ts";
import { looksLikeApiToken, newApiToken, parseApiToken } from "../identity/api-token.ts";
import { parseAge } from "./age.ts";
import type { CliContext } from "./cli-context.ts";
import { localActor } from "./local-actor.ts";
import { paintFor } from "./paint.ts";
import { withDatabase } from "./with-database.ts";

interface CreateOptions {
  readonly permissions: readonly string[];
  readonly namespaces: NamespaceScope;
  readonly expires: number;
  readonly json?: true;
}

const NAME = /^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$/;
const NAME_RULE = "a letter or digit, then letters, digits, `.`, `_`, `@` or `-`, at most 64 characters";
const DAY_MS = 86_400_000;
const DEFAULT_LIFETIME_MS = 90 * DAY_MS;
const LONGEST_LIFETIME_MS = 3_660 * DAY_MS;

/** `tasker-host token create|list|revoke`: API tokens, directly on the database. Whoever may do that needs no token. */
export function addTokenCommand(program: Command, context: CliContext): void {
  const token = program.command("token").description("make, list and revoke API tokens, directly on the database");
  token
    .command("create")
    .description("make a token and print it; it is shown this once and stored nowhere")
    .argument("<name>", "whose it is, for example ci-payments; the audit shows it", parseName)
    .requiredOption(
      "--permissions <list>",
      "with commas: tasks:create, handlers:*, …; docs/access.md",
      parsePermissions,
    )
    .requiredOption("--namespaces <list>", 'with commas; "*": all, also those that come later', parseNamespaces)
    .option("--expires <age>", "how long it is good for, for example 12h or 30d (default: 90d)", parseLifetime)
    .option("--json", "print JSON")
    .action((name: string, options: Omit<CreateOptions, "expires">) =>
      create(name, { expires: DEFAULT_LIFETIME_MS, ...options }, context),
    );
  token
    .command("list")
    .description("show all tokens, also those that are revoked or have expired")
    .option("--json", "print JSON, one token a line")
    .action((options: { readonly json?: true }) => list(options, context));
  token
    .command("revoke")
    .description("revoke a token; running hosts refuse it within a second")
    .argument("<token>", "its name, its handle (the characters between the two underscores), or the token itself")
    .option("--json", "print JSON")
    .action((which: string, options: { readonly json?: true }) => revoke(which, options, context));
}

async function create(name: string, options: CreateOptions, context: CliContext): Promise<void> {
  const { permissions, namespaces, expires, json } = options;
  const { text, handle, secretHash } = newApiToken();
  const row = { handle, name, secretHash, permissions, namespaces, lifetimeSeconds: Math.ceil(expires / 1_000) };
  const created = await withDatabase(context, (database) => createToken(database, localActor(), row));
  if (!created) {
    throw new TaskerError("TSK_TOKEN_NAME_TAKEN", {
      attempted: `Cannot create token "${name}"`,
      found: "a token of this name that is not revoked",
    });
  }
  // The token alone on standard output, so that `TASKER_TOKEN=$(tasker-host token create …)` works.
  const shown = { token: text, handle, name, permissions, namespaces, lifetime_seconds: row.lifetimeSeconds };
  context.stdout.write(`${json ? JSON.stringify(shown) : text}\n`);
  if (!json) context.stderr.write(`Good for ${lifetimeText(expires)}. It will not be shown again\n`);
}

/** In the largest unit of which there are two or more; of days three, as `48 h` says more than `2 days`. */
function lifetimeText(ms: number): string {
  if (ms >= 3 * DAY_MS) return `${Math.round(ms / DAY_MS)} days`;
  if (ms >= 7_200_000) return `${Math.round(ms / 3_600_000)} h`;
  return ms >= 120_000 ? `${Math.round(ms / 60_000)} min` : `${Math.round(ms / 1_000)} s`;
}

async function list({ json }: { readonly json?: true }, context: CliContext): Promise<void> {
  const { stdout, env } = context;
  const tokens = await withDatabase(context, (database: Database) => listTokens(database));
  if (json) {
    for (const token of tokens) stdout.write(`${JSON.stringify(token)}\n`);
    return;
  }
  const paint = paintFor(stdout, env);
  for (const { handle, name, state, permissions, namespaces, expires_at: expires, last_used_at: used } of tokens) {
    const head = `${handle}  ${paint(state === "live" ? "green" : "dim", state.padEnd(7))}  ${name}`;
    stdout.write(`${head}\n    ${permissions.join(", ")}  in  ${namespaces?.join(", ") ?? "all namespaces"}\n`);
    stdout.write(`    ${paint("dim", `expires ${expires}, ${used === null ? "never used" : `last used ${used}`}`)}\n`);
  }
}

async function revoke(which: string, { json }: { readonly json?: true }, context: CliContext): Promise<void> {
  const revoked = await withDatabase(context, (database) =>
    revokeToken(database, localActor(), parseApiToken(which)?.handle ?? which),
  );
  if (revoked === undefined) {
    // What was pasted as a token must not come back out.
    const shown = looksLikeApiToken(which) ? "that text" : `"${which.slice(0, 64)}"`;
    const attempted = "Cannot revoke the token";
    throw new TaskerError("TSK_TOKEN_UNKNOWN", { attempted, found: `no live token has ${shown} as handle or name` });
  }
  context.stdout.write(json ? `${JSON.stringify(revoked)}\n` : `Revoked ${revoked.handle} (${revoked.name})\n`);
}

function parseName(name: string): string {
  if (!NAME.test(name)) throw new InvalidArgumentError(`Accepted: ${NAME_RULE}.`);
  return name;
}

function parsePermissions(text: string): readonly string[] {
  const wanted = listed(text);
  for (const each of wanted) {
    if (isPermissionGrant(each)) continue;
    const nearest = nearestPermission(each);
    const meant = nearest === undefined ? "" : ` Did you mean "${nearest}"?`;
    throw new InvalidArgumentError(`"${each}" is no permission.${meant} Accepted: ${PERMISSION_RULE}.`);
  }
  return wanted;
}

function parseNamespaces(text: string): NamespaceScope {
  if (text.trim() === "*") return "*";
  const wanted = listed(text);
  const wrong = wanted.find((each) => !NAMESPACE_PATTERN.test(each));
  if (wrong !== undefined) throw new InvalidArgumentError(`"${wrong}" is no namespace. Accepted: ${NAMESPACE_RULE}.`);
  return wanted;
}

function listed(text: string): readonly string[] {
  const parts = text.split(",").map((part) => part.trim());
  const wanted = [...new Set(parts.filter((part) => part !== ""))];
  if (wanted.length === 0) throw new InvalidArgumentError("Accepted: at least one.");
  return wanted;
}

function parseLifetime(text: string): number {
  const ms = parseAge(text);
  if (ms < 1_000 || ms > LONGEST_LIFETIME_MS) throw new InvalidArgumentError("Accepted: 1s to 3660d.");
  return ms;
}
