/** Who changed something, and from where: what the audit keeps of a caller. */
export interface Actor {
  /** `token` and `jwt` came with credentials; `local` used the command line on the database; `anonymous` needed none. */
  readonly kind: ActorKind;
  /** The token's name, the JWT's subject, the operating system's user, or `anonymous`. */
  readonly name: string;
  /** The remote address, or `cli:<user>@<host>`. */
  readonly origin: string;
  /** The public part of a token: another one may bear its name later. */
  readonly handle?: string;
}

/** The audit's CHECK holds the same words. */
export type ActorKind = "token" | "jwt" | "local" | "anonymous";
