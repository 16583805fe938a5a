/** The page on which a person logs in when the configuration names no page of its own. Without a script, without a style of others. */

const style =
  "body{font:16px/1.5 system-ui,sans-serif;max-width:22rem;margin:4rem auto;padding:0 1rem;color:#222}label{display:block;margin:1rem 0 .25rem}input,button{font:inherit;width:100%;padding:.5rem;box-sizing:border-box}button{margin-top:1.5rem}p[role=alert]{color:#a00}";

export interface LoginPage {
  /** Its registered id. */
  readonly client: string;
  readonly redirectUri: string;
  readonly fault: string | null;
}

/** The form goes to where the page came from, with the same query: what was asked is asked again, and checked again. */
export function loginPage({ client, redirectUri, fault }: LoginPage, status: number): Response {
  const alert = fault === null ? "" : `<p role="alert">${escaped(fault)}</p>`;
  const body = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Log in</title>
<style>${style}</style></head><body>
<h1>Log in</h1>
<p>to go on to <strong>${escaped(client)}</strong></p>
${alert}
<form method="post">
<label for="username">Name</label><input id="username" name="username" autocomplete="username" required autofocus>
<label for="password">Password</label><input id="password" name="password" type="password" autocomplete="current-password" required>
<button>Log in</button>
</form>
</body></html>
`;
  return new Response(body, {
    status,
    headers: {
      "Cache-Control": "no-store",
      "Content-Type": "text/html; charset=utf-8",
      // Browsers hold a form's redirect against form-action, too.
      "Content-Security-Policy": `default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'; form-action 'self' ${sourceOf(redirectUri)}`,
      "Referrer-Policy": "no-referrer",
      "X-Content-Type-Options": "nosniff",
      "X-Frame-Options": "DENY",
    },
  });
}

function sourceOf(uri: string): string {
  const { protocol, origin } = new URL(uri);
  return protocol === "http:" || protocol === "https:" ? origin : protocol;
}

function escaped(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;")
    .replaceAll("'", "&#39;");
}
