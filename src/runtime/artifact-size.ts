/** How many bytes an artifact may have: the gate refuses by it, and the host receives no more. */
import { maxMeteredBytes } from "./prepare/meter/index.ts";

/** Of the header: that of QuickJS, the largest in practice, has 22 kB and 1,400 values. */
export const MAX_HEADER_BYTES = 1_048_576;
/** Magic, length of the header, digest. */
const FRAMING_BYTES = 64;

/** Bytes of the artifact of a component. */
export function maxArtifactBytes(componentBytes: number): number {
  return maxMeteredBytes(componentBytes) + MAX_HEADER_BYTES + FRAMING_BYTES;
}
