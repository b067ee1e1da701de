import { Json } from "@tasker-host/sdk-assemblyscript";
import { rounded } from "./rounding.as";

/** For each month of the calendar, over all years: days, wet days, total and daily mean. In mm. */
export function precipitationByMonth(records: Json): Json {
  const dates = records.get("date");
  const amounts = records.get("precipitation");
  const days = new StaticArray<i32>(12);
  const wetDays = new StaticArray<i32>(12);
  const totals = new StaticArray<f64>(12);
  for (let day = 0; day < dates.length; day++) {
    // 2012-01-31
    const month = <i32>parseInt(dates.at(day).asString().substring(5, 7)) - 1;
    const amount = amounts.at(day).asF64();
    days[month] += 1;
    if (amount > 0) wetDays[month] += 1;
    totals[month] += amount;
  }

  const months = Json.array();
  for (let month = 0; month < 12; month++) {
    if (days[month] == 0) continue;
    months.push(
      Json.object()
        .set("month", Json.int(month + 1))
        .set("days", Json.int(days[month]))
        .set("wet_days", Json.int(wetDays[month]))
        .set("total_mm", Json.num(rounded(totals[month])))
        .set("mean_mm", Json.num(rounded(totals[month] / days[month]))),
    );
  }
  return Json.object().set("months", months);
}
