import { Json, Outcome, permanent, success } from "@tasker-host/sdk-assemblyscript";

/** The columns that are wanted, in the order of the result; the file may have them in any order and others besides. */
const COLUMNS: string[] = ["date", "precipitation", "temp_max", "temp_min"];
/** Columns from this one on hold numbers. */
const FIRST_NUMBER = 1;

/**
 * The records column by column: half the text of one object a day. Numbers keep the digits of the file. What is wrong with
 * the file is wrong for good, so it is a permanent failure that names the line.
 */
export function parseCsv(csv: string): Outcome {
  const lines = csv.trim().split("\n");
  const header = lines[0].trim().split(",");
  const places = new Array<i32>();
  const columns = new Array<Json>();
  for (let column = 0; column < COLUMNS.length; column++) {
    const place = header.indexOf(COLUMNS[column]);
    if (place < 0) return invalid(1, 'no column "' + COLUMNS[column] + '"');
    places.push(place);
    columns.push(Json.array());
  }

  for (let line = 1; line < lines.length; line++) {
    const cells = lines[line].trim().split(",");
    if (cells.length != header.length) return invalid(line + 1, cells.length.toString() + " cells");
    for (let column = 0; column < COLUMNS.length; column++) {
      const cell = cells[places[column]];
      if (column < FIRST_NUMBER) {
        columns[column].push(Json.str(cell));
      } else {
        if (isNaN(parseFloat(cell))) return invalid(line + 1, '"' + cell + '" where a number is wanted');
        columns[column].push(Json.number(cell));
      }
    }
  }

  const records = Json.object().set("days", Json.int(lines.length - 1));
  for (let column = 0; column < COLUMNS.length; column++) records.set(COLUMNS[column], columns[column]);
  return success(records);
}

function invalid(line: i32, found: string): Outcome {
  return permanent("Cannot read line " + line.toString() + " of the records: " + found).withType("validation_error");
}
