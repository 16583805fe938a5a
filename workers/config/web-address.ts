/** URLs of a configuration: which ones can be read, and which ones a deployed mesh should not call. */

/** http or https with a plain host; null for anything else, credentials and fragments included. */
export function readUrl(text: string): URL | null {
  if (!/^https?:\/\/[^\s\\@#*]+$/i.test(text) || !URL.canParse(text)) return null;
  return new URL(text);
}

/**
 * Plain http, an address instead of a name, or a name that only a private network knows. A deployed Worker cannot
 * fetch the latter two, and whoever sits on the way reads and changes the first.
 */
export function isInsecure(url: URL): boolean {
  return url.protocol !== "https:" || isAddress(url.hostname) || isPrivateName(url.hostname);
}

/** The URL parser has already turned every spelling of an IPv4 address into dotted decimal. */
function isAddress(host: string): boolean {
  return host.startsWith("[") || /^\d+(?:\.\d+){3}\.?$/.test(host);
}

/** RFC 6761, RFC 6762, RFC 8375, and names without a dot. */
function isPrivateName(host: string): boolean {
  const name = host.endsWith(".") ? host.slice(0, -1) : host;
  return !name.includes(".") || /\.(?:localhost|local|internal|lan|home\.arpa)$/.test(name);
}
