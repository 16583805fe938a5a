/** What the gate is compared with: Hono Workers that do nothing but answer, or nothing but proxy. */
import { Hono } from "hono";

interface Bindings {
  /** The head that the gate answers with, as JSON: `/same` answers the same. */
  readonly HEAD: string;
  readonly BODY: string;
  readonly ORIGIN: string;
}

const app = new Hono<{ Bindings: Bindings }>();
let head: Record<string, string> | null = null;

app.get("/same", (c) => {
  head ??= JSON.parse(c.env.HEAD) as Record<string, string>;
  return new Response(c.env.BODY, { headers: head });
});
app.get("/body", (c) => c.body(c.env.BODY));
app.get("/proxy", (c) => fetch(`${c.env.ORIGIN}/miss/part`, { headers: c.req.raw.headers, redirect: "manual" }));

export default app;
