/**
 * How the core modules of a component become one instance: a list of instantiations in order,
 * each import taken from an earlier instance's export or from a host function ("trampoline").
 * Recorded by the translate process (untrusted), range-checked by the prepare process.
 */
export interface LinkPlan {
  readonly instantiations: readonly Instantiation[];
}

export interface Instantiation {
  readonly module: number;
}
