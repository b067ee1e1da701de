import { Json } from "@tasker-host/sdk-assemblyscript";
import { rounded } from "./rounding.as";

/** Means of the daily extremes, and the hottest and the coldest day, the first of equals. In °C. */
export function temperatureStatistics(records: Json): Json {
  const dates = records.get("date");
  const highs = records.get("temp_max");
  const lows = records.get("temp_min");
  const days = dates.length;
  let sumOfHighs: f64 = 0;
  let sumOfLows: f64 = 0;
  let hottest = 0;
  let coldest = 0;
  for (let day = 0; day < days; day++) {
    sumOfHighs += highs.at(day).asF64();
    sumOfLows += lows.at(day).asF64();
    if (highs.at(day).asF64() > highs.at(hottest).asF64()) hottest = day;
    if (lows.at(day).asF64() < lows.at(coldest).asF64()) coldest = day;
  }
  return Json.object()
    .set("days", Json.int(days))
    .set("mean_high", Json.num(rounded(sumOfHighs / days)))
    .set("mean_low", Json.num(rounded(sumOfLows / days)))
    .set("hottest", extreme(dates.at(hottest), highs.at(hottest)))
    .set("coldest", extreme(dates.at(coldest), lows.at(coldest)));
}

function extreme(date: Json, celsius: Json): Json {
  return Json.object().set("date", date).set("celsius", celsius);
}
