/**
 * What of the host a handler may ask for, and which imports ask for it: the one table. A namespace is granted capabilities
 * by these names; the functions behind an import stand in a file of `src/runtime/execute/capabilities/`. Another capability
 * is another file there and another row here.
 */
const CAPABILITIES = {
  log: { does: "Lines in the log of the step", interfaces: ["tasker:handler/log"] },
  wasi: {
    does: "Virtual WASI: a clock that stands still, seeded randomness, output into the log; no files, no network",
    interfaces: ["wasi:cli/", "wasi:clocks/", "wasi:filesystem/", "wasi:io/", "wasi:random/"],
  },
} as const satisfies Readonly<Record<string, CapabilityEntry>>;

interface CapabilityEntry {
  /** What it lets a handler do, in one line. */
  readonly does: string;
  /** Interfaces without their versions; one that ends in `/` stands for the whole package. */
  readonly interfaces: readonly string[];
}

export type Capability = keyof typeof CAPABILITIES;

/** All names, sorted. */
export const CAPABILITY_NAMES: readonly Capability[] = ["log", "wasi"] satisfies readonly Capability[];

/** What each one lets a handler do, for people. */
export function capabilityText(name: Capability): string {
  return CAPABILITIES[name].does;
}

export function isCapability(text: string): text is Capability {
  return Object.hasOwn(CAPABILITIES, text);
}

/** Parts of the contract that reach nothing of the host: every handler has them. */
const FREE_INTERFACES: ReadonlySet<string> = new Set(["tasker:handler/types", "tasker:handler/abort"]);

/**
 * The capabilities that imports need, sorted. An import that no row knows stands for itself: nobody is granted it, so it is
 * refused rather than overlooked.
 */
export function capabilitiesOf(imports: readonly string[]): readonly string[] {
  const needed = new Set<string>();
  for (const name of imports) {
    const interfaceName = name.split("@")[0] ?? name;
    if (!FREE_INTERFACES.has(interfaceName)) needed.add(capabilityOf(interfaceName) ?? interfaceName);
  }
  return [...needed].sort();
}

function capabilityOf(interfaceName: string): Capability | undefined {
  return CAPABILITY_NAMES.find((name) =>
    CAPABILITIES[name].interfaces.some((known) =>
      known.endsWith("/") ? interfaceName.startsWith(known) : interfaceName === known,
    ),
  );
}
