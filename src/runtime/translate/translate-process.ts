/** Entry of the translate process: one frame in (the component), one frame out (a recorded plan or a refusal). */
import { sendFrame, serveFrames, trusted } from "../process/child-channel.ts";
import { isTranslateRequest } from "../process/prepare-requests.ts";
import { refusalOf } from "../process/refusal.ts";
import { useBrowserShims } from "./browser-shims.ts";

useBrowserShims();

// Compilers load while the upload is on its way.
const loading = import("./translate.ts");
loading.catch(() => undefined);

serveFrames(async ({ head, blobs: [component] }) => {
  try {
    const { maxComponentBytes } = trusted(head, isTranslateRequest);
    const { translate } = await loading;
    sendFrame({ plan: await translate(Uint8Array.from(component ?? []), maxComponentBytes) });
  } catch (error) {
    sendFrame({ refusal: refusalOf(error) });
  }
});
