/** How a published event is answered: 200 when the asked-for ack was reached, 202 with what is pending otherwise. */
import type { Published } from "../broadcast/publisher.ts";
import { refused } from "./refused.ts";

export interface PublishedAnswer {
  readonly status: 200 | 202;
  /** Without a number while it is not published. */
  readonly body: { readonly id: string; readonly seq: number | null; readonly regions: readonly unknown[] };
}

export function publishedAnswer(published: Published, isAwaited: boolean): PublishedAnswer {
  switch (published.kind) {
    case "published": {
      const { id, seq, receipts, acknowledged } = published;
      return { status: isAwaited && acknowledged ? 200 : 202, body: { id, seq, regions: receipts } };
    }
    case "conflict":
      throw refused("conflict", "id: expected a new one, or the content that it was used with before");
    case "malformed":
      throw refused("malformed_request", published.detail);
    case "overloaded":
      throw refused("overloaded", published.detail, { headers: { "Retry-After": "1" } });
    case "outcome_unknown":
      throw refused("outcome_unknown", "the event was sent and no answer came: send it again with the same id");
  }
}
