import type { TestProject } from "vitest/node";
import { type ServerName, startTestServers, type TestServer } from "./postgres-servers.ts";

declare module "vitest" {
  // The one place where vitest learns what `inject` brings.
  interface ProvidedContext {
    testServers: Partial<Record<ServerName, TestServer>>;
  }
}

/** Starts the run's database servers; the function that it returns stops them. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const started = await startTestServers();
  project.provide("testServers", started.servers);
  return async () => {
    await started[Symbol.asyncDispose]();
  };
}
