/** The service behind both sides: one answer, that may be kept or may not, by its path. */
const body = JSON.stringify({ id: "7", name: "bobbin", stock: 1_200, note: "x".repeat(900) });

export default {
  fetch(request: Request): Response {
    const mayBeKept = request.url.includes("hit") || request.url.includes("token-only");
    return new Response(body, {
      headers: {
        "Cache-Control": mayBeKept ? "public, max-age=86400" : "no-store",
        "Content-Type": "application/json",
      },
    });
  },
};
