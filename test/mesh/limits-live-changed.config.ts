/** The same mesh after a deploy: the file says something else about a limit. */
import { defineMesh } from "selvedge";
import before from "./limits-live.config.ts";

export default defineMesh({
  ...before,
  limits: { ...before.limits, long: { by: "header:x-client", quota: 70_000, windowMs: 86_400_000 } },
});
