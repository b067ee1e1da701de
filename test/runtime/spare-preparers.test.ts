/** The gate's processes of `dev`, which have rehearsed the upload before: what they say of the next one must be the same. */
import { expect, it } from "vitest";
import { keepPreparersReady, prepareComponent } from "../../src/runtime/index.ts";
import { PREPARE_LIMITS } from "./support/runs.ts";
import { ECHO, EMPTY_SUCCESS, watComponent } from "./support/wat-component.ts";

it("spare preparers make the artifact that fresh ones make, whatever was prepared or refused before", async () => {
  const echo = await watComponent({ handle: ECHO });
  const other = await watComponent({ handle: EMPTY_SUCCESS });
  const fresh = await Promise.all([prepareComponent(echo, PREPARE_LIMITS), prepareComponent(other, PREPARE_LIMITS)]);
  using ready = keepPreparersReady(PREPARE_LIMITS);
  expect(ready).toBeDefined();
  expect(await prepareComponent(echo, PREPARE_LIMITS)).toEqual(fresh[0]);
  expect(await prepareComponent(other, PREPARE_LIMITS)).toEqual(fresh[1]);
  await expect(prepareComponent(echo.slice(0, 100), PREPARE_LIMITS)).rejects.toMatchObject({
    code: expect.stringMatching(/^TSK_COMPONENT_/),
  });
  expect(await prepareComponent(echo, PREPARE_LIMITS)).toEqual(fresh[0]);
});
