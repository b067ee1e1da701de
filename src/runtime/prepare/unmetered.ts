import type { MeteredModule } from "./meter/index.ts";
export function meterModule(original: Uint8Array<ArrayBuffer>): MeteredModule {
  return { bytes: original, fuelScheduleId: "", memories: [], tables: [], globals: [], initialBytes: 0 };
}
