/** Every class of attack in one list, in the order of docs/security.md. */
import type { HostileClass } from "./hostile-case.ts";
import { BROKEN_STRUCTURE, COMPRESSED, NOT_A_COMPONENT } from "./upload-bytes.ts";

export const CORPUS: readonly HostileClass[] = [NOT_A_COMPONENT, BROKEN_STRUCTURE, COMPRESSED];
