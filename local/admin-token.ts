/** A token of the built-in client `admin`, renewed shortly before it ends. */
export class AdminToken {
  readonly #url: string;
  readonly #secret: string;
  #current: Promise<{ readonly token: string; readonly renewAt: number }> | null = null;

  constructor(url: string, secret: string) {
    this.#url = url;
    this.#secret = secret;
  }

  async get(): Promise<string> {
    let current = this.#current === null ? null : await this.#current;
    if (current === null || Date.now() >= current.renewAt) {
      this.#current = this.#request();
      // A refusal must not be remembered: the next caller asks again.
      this.#current.catch(() => {
        this.#current = null;
      });
      current = await this.#current;
    }
    return current.token;
  }

  async #request(): Promise<{ readonly token: string; readonly renewAt: number }> {
    const sentAt = Date.now();
    const response = await fetch(`${this.#url}/_mesh/v1/auth/token`, {
      method: "POST",
      headers: { Authorization: `Basic ${Buffer.from(`admin:${this.#secret}`).toString("base64")}` },
      body: new URLSearchParams({ grant_type: "client_credentials" }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`cannot get an admin token: received ${response.status}: ${text}`);
    const { access_token: token, expires_in: seconds } = JSON.parse(text) as {
      access_token: string;
      expires_in: number;
    };
    return { token, renewAt: sentAt + Math.max(0, seconds - 60) * 1_000 };
  }
}
