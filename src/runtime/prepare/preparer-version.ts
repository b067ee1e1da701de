import { FUEL_SCHEDULE } from "./meter/index.ts";

/** Grows with every change of this code that changes an artifact; an artifact of another version is prepared again. */
export const PREPARER_VERSION = "8";

/** The schedule that new artifacts are metered by. */
export const FUEL_SCHEDULE_ID = FUEL_SCHEDULE.id;
