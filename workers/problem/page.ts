/** The page of a problem: what its `type` points to, for people and for programs. */
import { problems, type ProblemCode } from "./codes.ts";
import { wireCode } from "./problem.ts";

export interface ProblemPage {
  /** As it stands in `code` and at the end of `type`. */
  readonly code: string;
  readonly title: string;
  /** More than one where kinds share a code on the wire. */
  readonly statuses: readonly number[];
  readonly help: readonly string[];
}

const codes = Object.keys(problems) as ProblemCode[];

export const pages: ReadonlyMap<string, ProblemPage> = new Map(
  [...Map.groupBy(codes, wireCode)].map(([code, kinds]): [string, ProblemPage] => {
    const found = kinds.map((kind) => problems[kind]);
    const title = found[0]?.title ?? code;
    return [code, { code, title, statuses: found.map(({ status }) => status), help: found.map(({ help }) => help) }];
  }),
);

/** HTML for an Accept that names it before JSON, JSON for everyone else. */
export function problemPageResponse(page: ProblemPage, accept: string | undefined): Response {
  const head = { "Cache-Control": "public, max-age=3600", Vary: "Accept", "X-Content-Type-Options": "nosniff" };
  if (!prefersHtml(accept)) {
    const { code, title, statuses, help } = page;
    return Response.json({ code, title, status: statuses[0], statuses, help: help.join(" ") }, { headers: head });
  }
  return new Response(htmlOf(page), {
    headers: {
      ...head,
      "Content-Type": "text/html; charset=utf-8",
      "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'",
    },
  });
}

function prefersHtml(accept: string | undefined): boolean {
  const html = accept?.indexOf("text/html") ?? -1;
  const json = accept?.search(/application\/(?:[\w.-]+\+)?json/) ?? -1;
  return html !== -1 && (json === -1 || html < json);
}

/** All of it is the list's own text: nothing of the request gets here. */
function htmlOf({ code, title, statuses, help }: ProblemPage): string {
  const paragraphs = help
    .map((text) => `<p>${escaped(text).replaceAll(/`([^`]*)`/g, "<code>$1</code>")}</p>`)
    .join("\n");
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(title)}</title>
<style>body{font:1rem/1.5 system-ui,sans-serif;max-width:40rem;margin:3rem auto;padding:0 1rem}code{background:#8882;padding:.1em .3em}</style>
<h1>${escaped(title)}</h1>
<p><code>${escaped(code)}</code>, status ${statuses.join(" or ")}</p>
${paragraphs}
</html>
`;
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}
