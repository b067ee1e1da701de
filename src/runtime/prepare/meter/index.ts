/** Metering: a core module in, a module out that counts what it does and stops itself. See docs/fuel.md. */
export { FUEL_SCHEDULE, type FuelSchedule } from "./fuel-schedule.ts";
export {
  debitFuel,
  type FuelReading,
  MAX_CALL_DEPTH,
  MAX_FUEL,
  packFuel,
  readCallDepth,
  readFuel,
  stackBytesFor,
  withoutFuel,
} from "./fuel-word.ts";
export {
  EXCEPTION_BYTES,
  EXCEPTION_VALUE_BYTES,
  METER_GLOBALS,
  METER_NAMESPACE,
  type MeteredMemory,
  type MeteredModule,
  type MeteredTable,
  type MeterGlobal,
  type MeterLimits,
  type MeterOptions,
  PAGE_BYTES,
  TABLE_ENTRY_BYTES,
} from "./metered-module.ts";
export { METER_LIMITS } from "./meter-limits.ts";
export { meterModule } from "./meter-module.ts";
export { EXTERN, maxMeteredBytes, type ModuleShape, readShape, SECTION } from "./module-shape.ts";
