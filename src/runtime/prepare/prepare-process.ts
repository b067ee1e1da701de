/**
 * Entry of the prepare process: the component and the recorded plan in; out come first the artifact, made before any code
 * of the upload has run, then what `describe` said. Or a refusal.
 */
import { sendFrame, serveFrames, trusted } from "../process/child-channel.ts";
import { isPrepareRequest } from "../process/prepare-requests.ts";
import { refusalOf } from "../process/refusal.ts";
import { packArtifact } from "../artifact-container.ts";
import { describePrepared, prepare } from "./prepare.ts";

serveFrames(({ head, blobs: [component] }) => {
  try {
    // The host has checked the shape of the recorded plan; what it claims is checked by `prepare`.
    const { recorded, limits } = trusted(head, isPrepareRequest);
    const artifact = prepare(Uint8Array.from(component ?? []), recorded, limits);
    sendFrame({ artifact: true }, [packArtifact(artifact)]);
    sendFrame({ description: describePrepared(artifact, limits) });
  } catch (error) {
    sendFrame({ refusal: refusalOf(error) });
  }
});
