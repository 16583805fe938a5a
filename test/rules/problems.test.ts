import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { problems, type ProblemCode } from "../../workers/problem/codes.ts";
import { pages, problemPageResponse, type ProblemPage } from "../../workers/problem/page.ts";
import { problemResponse, refuse, wireCode } from "../../workers/problem/problem.ts";

const codes = Object.keys(problems) as ProblemCode[];
const guide = readFileSync(join(import.meta.dirname, "../../docs/problems.md"), "utf8");

function pageOf(code: string): ProblemPage {
  const page = pages.get(code);
  if (page === undefined) throw new Error(`expected a page for ${code}`);
  return page;
}

describe("problems", () => {
  test("docs/problems.md has one section for each code, and no other", () => {
    const sections = [...guide.matchAll(/^## (.+)$/gm)].map(([, title]) => title);
    expect(sections).toEqual([...new Set(codes.map(wireCode))]);
  });

  test.each(codes)("docs/problems.md says of %s what its page says", (code) => {
    const { status, title, help } = problems[code];
    expect(guide).toContain(`**${status}** · ${title}. ${help}`);
    expect(pageOf(wireCode(code)).help).toContain(help);
  });

  test.each(codes)("%s is a problem document of its own status and title", async (code) => {
    const response = problemResponse(refuse(code, "a detail", { headers: { "Retry-After": "1" } }), "the-id", {
      "Mesh-Region": "weur",
    });
    expect(response.status).toBe(problems[code].status);
    expect(response.headers.get("content-type")).toBe("application/problem+json");
    expect(response.headers.get("cache-control")).toBe("no-store");
    expect(response.headers.get("mesh-region")).toBe("weur");
    expect(response.headers.get("retry-after")).toBe("1");
    const { status, title } = problems[code];
    expect(await response.json()).toEqual({
      type: expect.any(String) as unknown,
      title,
      status,
      detail: "a detail",
      instance: "the-id",
      code: wireCode(code),
    });
  });

  test("the type leads to the mesh's own page, except where IANA has registered one", async () => {
    const typeOf = async (code: ProblemCode) =>
      (await problemResponse(refuse(code), "id").json<{ readonly type: string }>()).type;
    expect(await typeOf("no_route")).toBe("/_mesh/problems/no_route");
    expect(await typeOf("header_too_large")).toBe("/_mesh/problems/too_large");
    expect(await typeOf("quota_exceeded")).toBe("https://iana.org/assignments/http-problem-types#quota-exceeded");
  });

  test("every 401 has a challenge, and none says which check failed", () => {
    for (const code of codes.filter((known) => problems[known].status === 401)) {
      const challenge = problemResponse(refuse(code), "id").headers.get("www-authenticate");
      expect(challenge).toMatch(/^Bearer realm="mesh"(, error="invalid_token")?$/);
    }
  });

  test.each([
    [undefined, "application/json"],
    ["*/*", "application/json"],
    ["application/json", "application/json"],
    ["application/problem+json, text/html", "application/json"],
    ["text/html,application/xhtml+xml,*/*;q=0.8", "text/html; charset=utf-8"],
  ])("Accept: %s gets %s", (accept, type) => {
    expect(problemPageResponse(pageOf("no_route"), accept).headers.get("content-type")).toBe(type);
  });

  test("a page loads nothing and runs nothing", async () => {
    const response = problemPageResponse(pageOf("malformed_request"), "text/html");
    expect(response.headers.get("content-security-policy")).toContain("default-src 'none'");
    expect(await response.text()).not.toMatch(/<script|src=|href=/);
  });
});
