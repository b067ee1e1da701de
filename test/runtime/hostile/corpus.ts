/** Every class of attack in one list, in the order of docs/security.md. */
import { BACKTRACES } from "./backtraces.ts";
import type { HostileClass } from "./hostile-case.ts";
import { INSTANTIATION } from "./instantiation.ts";
import { FUEL_BULK, FUEL_CONTROL, FUEL_ELSEWHERE, HOST_CALLS, SWALLOW, WALL_CLOCK } from "./run-cost.ts";
import { MEMORY_BUDGET, OUTPUT_CAPS, STACK_DEPTH } from "./run-limits.ts";
import { DISCRIMINANTS, DOCUMENTS, PAYLOADS, POINTERS, REALLOC, TEXTS } from "./run-results.ts";
import { BREAK_OUT, FORGERY, FRAME_ATTACKS, NEIGHBOURS, REENTRY, RESIDUE } from "./tenants.ts";
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
  FUEL_CONTROL,
  FUEL_BULK,
  FUEL_ELSEWHERE,
  INSTANTIATION,
  HOST_CALLS,
  SWALLOW,
  MEMORY_BUDGET,
  STACK_DEPTH,
  WALL_CLOCK,
  OUTPUT_CAPS,
  BACKTRACES,
  PAYLOADS,
  POINTERS,
  DISCRIMINANTS,
  REALLOC,
  TEXTS,
  DOCUMENTS,
  REENTRY,
  RESIDUE,
  NEIGHBOURS,
  BREAK_OUT,
  FRAME_ATTACKS,
  FORGERY,
];
