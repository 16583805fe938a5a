/**
 * The service behind both sides: one answer, that may be kept or may not, by its path. Also publishes the keys of the
 * issuer whose tokens are asked with.
 */
interface Bindings {
  readonly JWKS: string;
}

const body = JSON.stringify({ id: "7", name: "bobbin", stock: 1_200, note: "x".repeat(900) });

export default {
  fetch(request: Request, { JWKS: keys }: Bindings): Response {
    if (request.url.endsWith("/jwks")) return new Response(keys, { headers: { "Content-Type": "application/json" } });
    const mayBeKept = request.url.includes("hit") || request.url.includes("token-only");
    return new Response(body, {
      headers: {
        "Cache-Control": mayBeKept ? "public, max-age=86400" : "no-store",
        "Content-Type": "application/json",
      },
    });
  },
};
