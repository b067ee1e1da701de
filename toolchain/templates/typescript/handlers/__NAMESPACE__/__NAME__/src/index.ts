import { defineHandlers, log, permanent, type StepContext } from "@tasker-host/sdk";

interface Greeting {
  readonly text: string;
}

function compose(step: StepContext) {
  const { name } = step.input;
  if (typeof name !== "string" || name === "") {
    return permanent("Cannot greet nobody: the task's context has no name", { errorType: "validation_error" });
  }
  return { text: `Hello, ${name}` };
}

function shout(step: StepContext): Greeting {
  const { text } = step.dependency<Greeting>("compose");
  log.info("Shouting", { characters: text.length });
  return { text: `${text.toUpperCase()}!` };
}

export default defineHandlers({
  "__NAME__.compose": compose,
  "__NAME__.shout": shout,
});
