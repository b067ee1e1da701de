export { default } from "../../javascript/handlers.ts";
