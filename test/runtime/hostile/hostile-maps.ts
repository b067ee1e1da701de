/** Source maps as text, made to cost whoever reads them: in values, in keys, in what they become when they are decoded. */
const HEAD = `{"version":3,"sources":["a.ts"],"mappings":"AAAA"`;
/** Eight megabytes, nearly: the size that a map may have. */
const ARRAYS = `[${"[],".repeat(2_700_000)}0]`;

export const HOSTILE_MAPS = {
  /** The list makes whoever walks it fail; the values make each new attempt dear. */
  unreadable: `${HEAD},"ignoreList":1,"pad":${ARRAYS}}`,
  values: `${HEAD},"x_tasker_functions":${ARRAYS}}`,
  wrongSources: `{"version":3,"mappings":"AAAA","sources":[${"0,".repeat(4_100_000)}0]}`,
  keys: `${HEAD},${Array.from({ length: 600_000 }, (_, at) => `"${at.toString(36)}":1`).join(",")}}`,
  depth: `${HEAD},"x":${"[".repeat(4_000_000)}`,
  lines: mapOf(";".repeat(8_000_000)),
  segments: mapOf("A,".repeat(4_000_000)),
  /** The decoder passes over each sixth number's first character, as if it were a comma. */
  segmentsWithoutCommas: mapOf("A".repeat(8_000_000)),
  /** A number that goes on takes the comma for its last digit. */
  numbersOverCommas: mapOf("g,".repeat(4_000_000)),
  /** What the decoder's own objects have, with another source than the map's. */
  decoded: `${HEAD},"_decodedMemo":{"lastKey":-1,"lastNeedle":-1,"lastIndex":-1},"_decoded":[[[0,0,0,0]]],"resolvedSources":["forged.ts"]}`,
  root: `{"version":3,"mappings":"AAAA","sourceRoot":"${"r".repeat(7_900_000)}","sources":[${'"a.ts",'.repeat(40_000)}"a.ts"]}`,
} as const;

function mapOf(mappings: string): string {
  return `{"version":3,"sources":["a.ts"],"mappings":"${mappings}"}`;
}
