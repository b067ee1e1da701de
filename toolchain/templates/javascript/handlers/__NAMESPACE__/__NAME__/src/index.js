import { defineHandlers, log, permanent } from "@tasker-host/sdk";

/** @param {import("@tasker-host/sdk").StepContext} step */
function compose(step) {
  const { name } = step.input;
  if (typeof name !== "string" || name === "") {
    return permanent("Cannot greet nobody: the task's context has no name", { errorType: "validation_error" });
  }
  return { text: `Hello, ${name}` };
}

/** @param {import("@tasker-host/sdk").StepContext} step */
function shout(step) {
  const { text } = step.dependency("compose");
  log.info("Shouting", { characters: text.length });
  return { text: `${text.toUpperCase()}!` };
}

export default defineHandlers({
  "__NAME__.compose": compose,
  "__NAME__.shout": shout,
});
