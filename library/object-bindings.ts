/** How the library's objects reach one another: as bindings, which the mesh's own objects have from its wrangler.toml. */
import { findObjects, missingClasses, type Objects } from "./object-classes.ts";

/** Each is looked for when it is used. */
const bindings = {
  get LOG() {
    return namespaceOf("Log");
  },
  get REGION() {
    return namespaceOf("Region");
  },
};

/**
 * Cast, because `Env` names the classes of the mesh's own Worker, which a user's Worker has under its own exports. No
 * object reads another one: what a stub speaks is its contract's matter.
 */
export const objectBindings = bindings as unknown as Env;

function namespaceOf(className: string): Objects<unknown> {
  const found = findObjects<unknown>(className);
  if (found === null) throw missingClasses("reach other objects", [className]);
  return found;
}
