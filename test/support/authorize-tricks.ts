/** Redirects and states that are nearly right: what attackers send so that a code goes elsewhere, or more comes along. */

/** For a client that is registered with `https://app.example.com/callback`. */
export const redirectTricks: readonly string[] = [
  "",
  "https://app.example.com/",
  "https://app.example.com/callback/",
  "https://app.example.com/callback/../evil",
  "https://app.example.com/callback/%2e%2e/evil",
  "https://app.example.com/callback?next=https://evil.example",
  "https://app.example.com/callback#",
  "https://app.example.com/callback#@evil.example",
  "https://app.example.com:443/callback",
  "https://app.example.com:8443/callback",
  "https://APP.example.com/callback",
  "https://app.example.com./callback",
  "https://app.example.com.evil.example/callback",
  "https://app.example.com@evil.example/callback",
  "https://evil.example/?https://app.example.com/callback",
  "https://evil.example\\@app.example.com/callback",
  "http://app.example.com/callback",
  "//app.example.com/callback",
  "/callback",
  "javascript:alert(1)//https://app.example.com/callback",
  "data:text/html,x",
  " https://app.example.com/callback",
  "https://app.example.com/callback ",
  "https://app.example.com/callback\r\nSet-Cookie: stolen=1",
  "https://app.example.com/callback\0",
  "https://app.example.com/c\u0430llback",
  `https://app.example.com/callback${"a".repeat(9_000)}`,
];

/** For one that is registered with `http://127.0.0.1:8000/callback`, and may choose its port. */
export const loopbackTricks: readonly string[] = [
  "http://127.0.0.1:99999/callback",
  "http://127.0.0.1:/callback/",
  "http://127.0.0.1:80@evil.example/callback",
  "http://127.0.0.1.evil.example/callback",
  "http://127.0.0.1:8000.evil.example/callback",
  "http://127.0.0.1:8000/callback?x",
  "http://127.0.0.1:8000/callback#x",
  "http://127.1:8000/callback",
  "http://2130706433:8000/callback",
  "http://localhost:8000/callback",
  "http://[::1]:8000/callback",
  "https://127.0.0.1:8000/callback",
];

export const stateTricks: readonly string[] = [
  "\r\nSet-Cookie: stolen=1",
  "\0",
  "caf\u00e9",
  "\u2028",
  "s".repeat(1_025),
];
