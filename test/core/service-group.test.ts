import { expect, it } from "vitest";
import type { Service } from "../../src/core/service.ts";
import { ServiceGroup } from "../../src/core/service-group.ts";

function service(stop: () => Promise<void>): Service {
  return { start: () => Promise.resolve(), stop, [Symbol.asyncDispose]: stop };
}

it("ServiceGroup stops all at once, also where one is slow or fails, and says what failed", async () => {
  const seen: string[] = [];
  const slow = Promise.withResolvers<void>();
  const group = new ServiceGroup();
  group.add(
    service(async () => {
      seen.push("slow");
      await slow.promise;
      seen.push("slow is over");
    }),
  );
  group.add(service(() => Promise.reject(new Error("no"))));
  group.add(
    service(() => {
      seen.push("last");
      return Promise.resolve();
    }),
  );
  const ended = group[Symbol.asyncDispose]();
  expect(seen).toEqual(["slow", "last"]);
  slow.resolve();
  await expect(ended).rejects.toMatchObject({ errors: [{ message: "no" }] });
  expect(seen).toEqual(["slow", "last", "slow is over"]);
});
