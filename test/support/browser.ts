/** As much of a browser as a login page needs: it sends a page's form to where the page came from, and follows nothing. */
export interface Page {
  readonly url: string;
  readonly status: number;
  readonly location: string | null;
  readonly body: string;
}

export class Browser {
  async open(url: URL): Promise<Page> {
    return pageOf(url.href, await fetch(url, { redirect: "manual", headers: { accept: "text/html" } }));
  }

  /** Throws for a page without a form, and for fields that the form has not. */
  async submit(page: Page, typed: Readonly<Record<string, string>>): Promise<Page> {
    if (!/<form method="post">/.test(page.body)) throw new Error("cannot submit: the page has no form that is posted");
    const names = new Set([...page.body.matchAll(/<input [^>]*name="([^"]+)"/g)].map(([, name]) => name));
    for (const name of Object.keys(typed)) {
      if (!names.has(name)) throw new Error(`cannot submit: the form has no field ${name}`);
    }
    const answer = await fetch(page.url, {
      method: "POST",
      redirect: "manual",
      headers: { accept: "text/html", origin: new URL(page.url).origin },
      body: new URLSearchParams(typed),
    });
    return pageOf(page.url, answer);
  }
}

async function pageOf(url: string, answer: Response): Promise<Page> {
  return { url, status: answer.status, location: answer.headers.get("location"), body: await answer.text() };
}
