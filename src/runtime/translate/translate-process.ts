/** Entry of the translate process: one frame in (the component), one frame out (a recorded plan or a refusal). */
import "./browser-shims.ts";
import { serveFrames, sendFrame } from "../process/child-channel.ts";
import type { TranslateRequest } from "../process/prepare-requests.ts";
import { refusalOf } from "../process/refusal.ts";

serveFrames(async ({ head, blobs: [component] }) => {
  try {
    // The host wrote it, and this process trusts the host.
    const { maxComponentBytes } = head as TranslateRequest;
    // After the hooks: jco's imports are resolved when it is loaded.
    const { translate } = await import("./translate.ts");
    sendFrame({ plan: await translate(Uint8Array.from(component ?? []), maxComponentBytes) });
  } catch (error) {
    sendFrame({ refusal: refusalOf(error) });
  }
});
