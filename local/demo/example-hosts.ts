/** Which services are written down only to have something: their origins have names that nobody can ever have. */
import type { Service } from "../../workers/config/mesh.ts";

/** RFC 2606 sections 2 and 3, RFC 6761 section 6. */
const reserved = /(?:^|\.)(?:example(?:\.(?:com|net|org))?|invalid|test)\.?$/;

export function isExample({ origins }: Pick<Service, "origins">): boolean {
  return origins.every((origin) => reserved.test(new URL(origin).hostname));
}
