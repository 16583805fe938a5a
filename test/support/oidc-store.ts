/** What an OpenID provider keeps (sessions, codes, refresh tokens), in memory that outlives a start with other keys. */
import type { Adapter, AdapterPayload } from "oidc-provider";

export class OidcStore {
  readonly #kept = new Map<string, AdapterPayload>();

  /** For `adapter` of the provider's configuration. */
  readonly adapter = (model: string): Adapter => {
    const kept = this.#kept;
    const keyOf = (id: string) => `${model}:${id}`;
    const findBy = (member: "uid" | "userCode", value: string) =>
      [...kept].find(([key, payload]) => key.startsWith(`${model}:`) && payload[member] === value)?.[1];
    return {
      async upsert(id, payload) {
        kept.set(keyOf(id), payload);
      },
      async find(id) {
        return kept.get(keyOf(id));
      },
      async findByUid(uid) {
        return findBy("uid", uid);
      },
      async findByUserCode(userCode) {
        return findBy("userCode", userCode);
      },
      async consume(id) {
        const payload = kept.get(keyOf(id));
        if (payload !== undefined) kept.set(keyOf(id), { ...payload, consumed: Math.floor(Date.now() / 1_000) });
      },
      async destroy(id) {
        kept.delete(keyOf(id));
      },
      async revokeByGrantId(grantId) {
        for (const [key, payload] of kept) if (payload.grantId === grantId) kept.delete(key);
      },
    };
  };
}
