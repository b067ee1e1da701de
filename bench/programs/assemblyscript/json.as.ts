/** Parses a document with the SDK's JSON, builds another from it and writes that. */
import { Json } from "../../../sdk/assemblyscript/assembly/json";

function makeDocument(): string {
  const records = Json.array();
  let state: u32 = 12345;
  for (let id = 0; id < 200; id++) {
    state = state * 1664525 + 1013904223;
    records.push(
      Json.object()
        .set("id", Json.int(id))
        .set("name", Json.str("record " + state.toString()))
        .set("tags", Json.array().push(Json.str("a\n")).push(Json.str("b")))
        .set("price", Json.num(<f64>(state % 100000) / 100)),
    );
  }
  return records.toString();
}

const text = makeDocument();

export function run(): u32 {
  const parsed = Json.parse(text);
  const built = Json.array();
  for (let at = 0; at < parsed.length; at++) {
    const record = parsed.at(at);
    built.push(
      Json.object()
        .set("name", Json.str(record.get("name").asString()))
        .set("twice", Json.num(record.get("price").asF64() * 2))
        .set("id", Json.int(record.get("id").asI64())),
    );
  }
  return built.toString().length;
}
