import type { Origin } from "./origin.ts";

/** A value as one layer gives it, before anything is checked. */
export interface Setting {
  /** Dotted path in TOML spelling: `step_processing.max_retries`. */
  readonly key: string;
  readonly value: unknown;
  readonly origin: Origin;
}

/** One thing that keeps the host from starting. */
export interface ConfigProblem {
  readonly origin: Origin;
  readonly key: string;
  readonly found: string;
  readonly accepted: string;
}

/** What one source brought: settings to check, and problems met on the way. */
export interface Layer {
  readonly settings: readonly Setting[];
  readonly problems: readonly ConfigProblem[];
}

export function joinLayers(layers: readonly Layer[]): Layer {
  return {
    settings: layers.flatMap((layer) => layer.settings),
    problems: layers.flatMap((layer) => layer.problems),
  };
}
