import type { Actor } from "../../src/host/domain/actor.ts";

/** Who changes what tests change, as the audit names it. */
export const TEST_ACTOR: Actor = { kind: "local", name: "test", origin: "cli:test@here" };
