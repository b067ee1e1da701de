import {
  Json,
  JsonKind,
  log,
  Outcome,
  permanent,
  register,
  StepContext,
  success,
} from "@tasker-host/sdk-assemblyscript";

function compose(step: StepContext): Outcome {
  const name = step.input.find("name");
  if (name === null || name.kind != JsonKind.String || name.asString() == "") {
    return permanent("Cannot greet nobody: the task's context has no name").withType("validation_error");
  }
  return success(Json.object().set("text", Json.str("Hello, " + name.asString())));
}

function shout(step: StepContext): Outcome {
  const text = step.dependency("compose").get("text").asString();
  log.info("Shouting", Json.object().set("characters", Json.int(text.length)));
  return success(Json.object().set("text", Json.str(text.toUpperCase() + "!")));
}

register("__NAME__.compose", compose);
register("__NAME__.shout", shout);
