/**
 * How large, deep and numerous the parts of a component may be before anything expensive looks at them.
 * Each is several times what StarlingMonkey, QuickJS, Rust and componentize-py components have.
 */
export const GATE_LIMITS = {
  /** Bytes of one name; the longest seen in practice has 140. */
  maxNameBytes: 512,
  /** Components inside components; QuickJS has 3 levels. Each level may double what jco writes. */
  maxNesting: 6,
  /** Component definitions in the file, nested ones included. */
  maxComponents: 64,
  /** Core modules in the file, nested ones included. */
  maxModules: 48,
  /** Core module instantiations when all nested instances are unfolded. */
  maxInstantiations: 96,
  /** Component instantiations when all nested instances are unfolded. */
  maxComponentInstances: 128,
  /** Sections of one component. */
  maxSections: 4_096,
  /** Entries of any one index space of a component, and imports or exports of a module. */
  maxEntries: 20_000,
  /** Members of a record, cases of a variant, parameters of a function. */
  maxTypeMembers: 256,
  /** Nodes of a value type when it is written out: `tuple<t, t>` of `tuple<…>` doubles with every line. */
  maxTypeNodes: 4_096,
  /** The same over all functions that a component imports, exports or lowers: each lowered one is written out anew. */
  maxTypeNodesOfAll: 65_536,
  maxTypeDepth: 32,
  /** Linear memories that one run instantiates. V8 reserves 8–10 GiB of addresses for each. */
  maxMemories: 8,
  /** Fuel that all instantiations of one run take before the guest's own code: StarlingMonkey takes 1.4 million. */
  maxInstantiationFuel: 50_000_000,
  /** Import arguments over all instantiations. */
  maxLinks: 20_000,
} as const;
