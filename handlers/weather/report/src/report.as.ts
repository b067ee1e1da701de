import { Json } from "@tasker-host/sdk-assemblyscript";

const MONTHS: string[] = [
  "January",
  "February",
  "March",
  "April",
  "May",
  "June",
  "July",
  "August",
  "September",
  "October",
  "November",
  "December",
];

/** Both statistics in a few sentences, and the figures behind them. */
export function report(temperature: Json, precipitation: Json): Json {
  const months = precipitation.get("months");
  let wettest = months.at(0);
  let driest = months.at(0);
  for (let at = 1; at < months.length; at++) {
    const month = months.at(at);
    if (month.get("mean_mm").asF64() > wettest.get("mean_mm").asF64()) wettest = month;
    if (month.get("mean_mm").asF64() < driest.get("mean_mm").asF64()) driest = month;
  }
  const hottest = temperature.get("hottest");
  const text =
    temperature.get("days").asNumberText() +
    " days. Hottest on " +
    hottest.get("date").asString() +
    " with " +
    hottest.get("celsius").asNumberText() +
    " °C. " +
    nameOf(wettest) +
    " is the wettest month, " +
    nameOf(driest) +
    " the driest.";
  return Json.object()
    .set("summary", Json.str(text))
    .set("temperature", temperature)
    .set("wettest_month", wettest)
    .set("driest_month", driest);
}

function nameOf(month: Json): string {
  return MONTHS[<i32>month.get("month").asI64() - 1];
}
