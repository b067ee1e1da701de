import { relative } from "node:path";

/** A path as a person in the working directory would call it; absolute where that is shorter to read. */
export function shownPath(path: string): string {
  const fromHere = relative(process.cwd(), path);
  return fromHere.startsWith("..") || fromHere === "" ? path : fromHere;
}
