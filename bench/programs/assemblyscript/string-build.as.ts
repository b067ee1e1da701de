/** Builds a text piece by piece: allocation, copies and collection. */
export function run(): u32 {
  let built = "";
  for (let round = 0; round < 500; round++)
    built += round.toString() + ":" + String.fromCharCode(97 + (round % 26)) + ";";
  const parts = built.split(";");
  return built.length + parts.join("|").toUpperCase().indexOf("499:") + parts.length;
}
