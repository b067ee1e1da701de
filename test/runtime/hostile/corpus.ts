/** Every class of attack in one list, in the order of docs/security.md. */
import type { HostileClass } from "./hostile-case.ts";
import { BROKEN_STRUCTURE, COMPRESSED, NOT_A_COMPONENT } from "./upload-bytes.ts";
import { DESCRIBE, FEATURES, RESERVED } from "./upload-features.ts";
import { EXPORTS, IMPORTS, NAMES, SPECIAL_NAMES } from "./upload-names.ts";
import { AMPLIFICATION, COUNTS, INVALID_MODULES, SIZE_CAPS, STRANGE_SHAPES } from "./upload-sizes.ts";

export const CORPUS: readonly HostileClass[] = [
  NOT_A_COMPONENT,
  BROKEN_STRUCTURE,
  COMPRESSED,
  SIZE_CAPS,
  COUNTS,
  AMPLIFICATION,
  INVALID_MODULES,
  STRANGE_SHAPES,
  NAMES,
  SPECIAL_NAMES,
  IMPORTS,
  EXPORTS,
  FEATURES,
  RESERVED,
  DESCRIBE,
];
