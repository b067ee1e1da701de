/** The figures of `weather_report`, computed another way: over rows, with sums in exact tenths. */
export interface WeatherFigures {
  readonly days: number;
  readonly mean_high: number;
  readonly mean_low: number;
  readonly hottest: { readonly date: string; readonly celsius: number };
  readonly coldest: { readonly date: string; readonly celsius: number };
  readonly months: readonly {
    readonly month: number;
    readonly days: number;
    readonly wet_days: number;
    readonly total_mm: number;
    readonly mean_mm: number;
  }[];
}

interface Row {
  readonly date: string;
  readonly month: number;
  readonly rain: bigint;
  readonly high: bigint;
  readonly low: bigint;
}

/** Every figure of the file has one decimal: tenths are whole numbers. */
function tenths(text: string): bigint {
  return BigInt(Math.round(Number(text) * 10));
}

export function weatherFigures(csv: string): WeatherFigures {
  const [header = "", ...lines] = csv.trim().split(/\r?\n/);
  const columns = header.split(",");
  const rows = lines.map((line): Row => {
    const cells = Object.fromEntries(line.split(",").map((cell, at) => [columns[at], cell]));
    const date = cells["date"] ?? "";
    return {
      date,
      month: new Date(`${date.slice(0, 10)}T00:00:00Z`).getUTCMonth() + 1,
      rain: tenths(cells["precipitation"] ?? ""),
      high: tenths(cells["temp_max"] ?? ""),
      low: tenths(cells["temp_min"] ?? ""),
    };
  });
  const hottest = rows.reduce((best, row) => (row.high > best.high ? row : best));
  const coldest = rows.reduce((best, row) => (row.low < best.low ? row : best));
  return {
    days: rows.length,
    mean_high: mean(rows.map(({ high }) => high)),
    mean_low: mean(rows.map(({ low }) => low)),
    hottest: { date: hottest.date, celsius: Number(hottest.high) / 10 },
    coldest: { date: coldest.date, celsius: Number(coldest.low) / 10 },
    months: Array.from(Map.groupBy(rows, ({ month }) => month))
      .sort(([left], [right]) => left - right)
      .map(([month, days]) => ({
        month,
        days: days.length,
        wet_days: days.filter(({ rain }) => rain > 0n).length,
        total_mm: Number(sum(days.map(({ rain }) => rain))) / 10,
        mean_mm: mean(days.map(({ rain }) => rain)),
      })),
  };
}

function sum(values: readonly bigint[]): bigint {
  return values.reduce((total, value) => total + value, 0n);
}

/** Of tenths, to two decimals. */
function mean(values: readonly bigint[]): number {
  return Math.round((Number(sum(values)) / values.length) * 10) / 100;
}
