/** Decisions on one key, in the runtime: as many as are asked for, so many of them under way at any time. */
import { fixedWindow, limiter, type RateLimiter } from "../library/limit.ts";

export { Limiter } from "../library/objects.ts";

const limiters: Readonly<Record<string, RateLimiter>> = {
  ample: limiter("ample", fixedWindow({ quota: 1_000_000_000, windowMs: 60_000 })),
  scarce: limiter("scarce", fixedWindow({ quota: 1_000, windowMs: 1_000 })),
};

/** The clock stands still while nothing but this goes on: every so many decisions it is let go on. */
const decisionsABreath = 5_000;

export default {
  async fetch(request: Request): Promise<Response> {
    const { searchParams } = new URL(request.url);
    const chosen = limiters[searchParams.get("limiter") ?? ""];
    if (chosen === undefined) return new Response("no such limiter", { status: 404 });
    const inFlight = Number(searchParams.get("inFlight"));
    let left = Number(searchParams.get("decisions"));
    let allowed = 0;
    let made = 0;
    const lane = async (many: number): Promise<void> => {
      for (let nth = 0; nth < many; nth += 1) {
        const { success } = await chosen.limit({ key: "hot" });
        made += 1;
        if (success) allowed += 1;
      }
    };
    while (left > 0) {
      const many = Math.ceil(Math.min(left, decisionsABreath) / inFlight);
      await Promise.all(Array.from({ length: inFlight }, () => lane(many)));
      left -= many * inFlight;
      await scheduler.wait(0);
    }
    return Response.json({ made, allowed });
  },
};
