/** Weather records: parse → (temperature, precipitation by month) → report. */
import { Json, Outcome, permanent, register, StepContext, success } from "@tasker-host/sdk-assemblyscript";
import { parseCsv } from "./parse-csv.as";
import { precipitationByMonth } from "./precipitation.as";
import { report } from "./report.as";
import { temperatureStatistics } from "./temperature.as";

register("weather.parse", (step: StepContext): Outcome => {
  const csv = step.input.find("csv");
  if (csv === null) return permanent('Cannot read the records: the input has no "csv"').withType("validation_error");
  return parseCsv(csv.asString());
});

register("weather.temperature", (step: StepContext): Outcome => {
  return success(temperatureStatistics(step.dependency("parse_records")));
});

register("weather.precipitation", (step: StepContext): Outcome => {
  return success(precipitationByMonth(step.dependency("parse_records")));
});

register("weather.report", (step: StepContext): Outcome => {
  return success(report(step.dependency("temperature_statistics"), step.dependency("precipitation_statistics")));
});
