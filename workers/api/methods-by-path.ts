/** Which methods a path has at all: what tells a wrong method (405, RFC 9110 section 15.5.6) from an unknown path. */

interface Registered {
  readonly method: string;
  /** `/_mesh/v1/locks/:name`; a segment is a text or a parameter. */
  readonly path: string;
}

/** The methods of every registered path that this one fits, for `Allow`; none when nothing is there. */
export function methodsByPath(routes: readonly Registered[]): (path: string) => readonly string[] {
  const patterns = routes
    .filter(({ method }) => method !== "ALL")
    .map(({ method, path }) => ({ method, segments: path.split("/") }));
  return (path) => {
    const segments = path.split("/");
    const methods = new Set<string>();
    for (const pattern of patterns) {
      if (!isFit(pattern.segments, segments)) continue;
      methods.add(pattern.method);
      if (pattern.method === "GET") methods.add("HEAD");
    }
    return [...methods].toSorted();
  };
}

function isFit(pattern: readonly string[], segments: readonly string[]): boolean {
  if (pattern.length !== segments.length) return false;
  return pattern.every((each, index) => each === segments[index] || (each.startsWith(":") && segments[index] !== ""));
}
