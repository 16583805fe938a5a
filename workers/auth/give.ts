/** The token endpoint's decision: what was asked, who asks, and which tokens come of it. */
import type { ClientCredential } from "../token/client-credential.ts";
import { redeemCode } from "./codes.ts";
import { passCutOff } from "./cut-off.ts";
import { beginFamily, refresh } from "./families.ts";
import { issue, namedBy, type Given, type Subject } from "./issue.ts";
import {
  cannotSign,
  notCurrent,
  notGiven,
  unreachable,
  type AuthParts,
  type Client,
  type Login,
  type NotGiven,
  type Origin,
  type Person,
} from "./parts.ts";
import { commonScopes, grantScopes } from "./scopes.ts";
import { targetOf, wrongTarget } from "./target.ts";
import type { AskingClient, TokenRequest } from "./token-request.ts";

const wrongAccount = notGiven("token_invalid", "invalid_grant", "expected a name and its password");
const wrongClient = notGiven("token_invalid", "invalid_client", "expected the client's id and secret");
const adminName = "admin";

/** What a token is asked for. */
type Asked = Pick<Extract<TokenRequest, { readonly grant: "client_credentials" }>, "scope" | "resources">;

export async function give(parts: AuthParts, request: TokenRequest, from: Origin): Promise<Given | NotGiven> {
  // Asked first: no refresh token, code or attempt is used up for a token that nobody can sign. Under another key secret
  // the refresh tokens of before are not told from made-up ones either.
  if (!(await parts.canSign())) return cannotSign;
  // Before anybody's proof is looked at, the client's too.
  const provenAt = parts.now();
  switch (request.grant) {
    case "basic":
      // The built-in client is asked for as it always was; every other name is an account's.
      return request.credential.client === adminName
        ? giveClient(parts, request.credential, { scope: undefined, resources: [] }, from)
        : givePerson(
            parts,
            request.credential.client,
            request.credential.secrets,
            { client: null, scope: undefined, resources: [], provenAt },
            from,
          );
    case "client_credentials":
      return giveClient(parts, request.credential, request, from);
    case "password": {
      const client = await clientOf(parts, request.client, from);
      if (client.kind === "not_given") return client;
      const how = { client: client.who, scope: request.scope, resources: request.resources, provenAt };
      return givePerson(parts, request.name, [request.password], how, from);
    }
    case "refresh_token": {
      const client = await clientOf(parts, request.client, from);
      return client.kind === "not_given" ? client : refresh(parts, request.token, client.who, request);
    }
    case "authorization_code": {
      const client = await clientOf(parts, request.client, from);
      if (client.kind === "not_given") return client;
      return client.who === null ? wrongClient : redeemCode(parts, request, client.who);
    }
  }
}

/** RFC 6749 section 4.4: a client for itself. No refresh token: it has its secret. */
async function giveClient(
  parts: AuthParts,
  credential: ClientCredential,
  wish: Asked,
  from: Origin,
): Promise<Given | NotGiven> {
  const provenAt = parts.now();
  const login = await parts.people.clientLogin(credential, from);
  if (login.kind !== "right") return refusalOf(login, wrongClient);
  const subject = ownSubject(parts, login.who, wish);
  if ("kind" in subject) return subject;
  const passed = await passCutOff(parts, namedBy(subject), provenAt);
  if (passed.kind === "not_given") return passed;
  const { startedAt, lookedAt } = passed;
  const ground = { lookedAt, lookAgain: () => clientEnded(parts, login.who, startedAt) };
  if (!passed.hasWaited) return issue(parts, subject, ground);
  const read = await sameClient(parts, login.who);
  if (read.kind === "not_given") return read;
  const current = ownSubject(parts, read.who, wish);
  return "kind" in current ? current : issue(parts, current, ground);
}

/** Read again; nothing for one that is gone or has another secret. */
async function sameClient(
  { people }: AuthParts,
  { id, proofChangedAt }: Client,
): Promise<{ readonly kind: "same"; readonly who: Client } | NotGiven> {
  const read = await people.client(id);
  if (read.kind === "unreachable") return unreachable;
  return read.kind === "found" && read.who.proofChangedAt === proofChangedAt
    ? { kind: "same", who: read.who }
    : wrongClient;
}

async function clientEnded(parts: AuthParts, client: Client, startedAt: number): Promise<NotGiven | null> {
  const same = await sameClient(parts, client);
  if (same.kind === "not_given") return same;
  const until = await parts.revokedUntil(namedBy(namesOf(client)), startedAt);
  if (until === "unknown") return notCurrent;
  return until === null ? null : wrongClient;
}

function namesOf({ id }: Client): Pick<Subject, "name" | "client" | "tenant" | "family"> {
  return { name: id, client: id, tenant: null, family: null };
}

function ownSubject(parts: AuthParts, client: Client, { scope, resources }: Asked): Subject | NotGiven {
  const { scopes: allowed, isAdmin } = client;
  // One scope of the built-in client is all of them.
  const scopes = grantScopes(scope ?? (isAdmin ? "mesh:admin" : undefined), allowed);
  if (scopes.kind !== "granted") {
    return notGiven("malformed_request", "invalid_scope", `scope: expected one or more of ${allowed.join(" ")}`);
  }
  const target = targetOf(resources, { client, granted: null }, parts);
  if (target === null) return wrongTarget;
  return { ...namesOf(client), roles: [], claims: {}, scopes: scopes.scopes, target };
}

async function givePerson(
  parts: AuthParts,
  name: string,
  passwords: readonly string[],
  { client, scope, resources, provenAt }: Asked & { readonly client: Client | null; readonly provenAt: number },
  from: Origin,
): Promise<Given | NotGiven> {
  const login = await loginWith(parts, name, passwords, from);
  if (login.kind !== "right") return refusalOf(login, wrongAccount);
  const scopes = grantScopes(scope, commonScopes(login.who.scopes, client?.scopes ?? null));
  if (scopes.kind !== "granted") {
    return notGiven(
      "malformed_request",
      "invalid_scope",
      "scope: expected scopes that the account and the client have",
    );
  }
  const target = targetOf(resources, { client, granted: null }, parts);
  if (target === null) return wrongTarget;
  return beginFamily(
    parts,
    { person: login.who, provenAt },
    { client: client?.id ?? null, scopes: scopes.scopes, target },
  );
}

/** Basic credentials may be sent as they are or form-encoded: the first spelling is what nearly everyone means. */
async function loginWith(
  { people }: AuthParts,
  name: string,
  passwords: readonly string[],
  from: Origin,
): Promise<Login<Person>> {
  const [first] = passwords;
  return first === undefined ? { kind: "wrong" } : people.login(name, first, from);
}

/** Who asks: nobody, a client that has proved itself, or a public one, which cannot. */
export async function clientOf(
  parts: AuthParts,
  asking: AskingClient,
  from: Origin,
): Promise<{ readonly kind: "known"; readonly who: Client | null } | NotGiven> {
  if (asking === null) return { kind: "known", who: null };
  if (asking.secrets !== null) {
    const login = await parts.people.clientLogin(asking, from);
    return login.kind === "right" ? { kind: "known", who: login.who } : refusalOf(login, wrongClient);
  }
  const found = await parts.people.client(asking.client);
  if (found.kind === "unreachable") return unreachable;
  // A client with a secret does not get by without it.
  return found.kind === "found" && found.who.isPublic ? { kind: "known", who: found.who } : wrongClient;
}

function refusalOf<Who>(login: Exclude<Login<Who>, { kind: "right" }>, wrong: NotGiven): NotGiven {
  switch (login.kind) {
    case "wrong":
      return wrong;
    case "refused":
      return {
        kind: "not_given",
        code: "too_many_logins",
        error: wrong.error,
        retryAfterMs: login.retryAfterMs,
      };
    case "unreachable":
      if (login.service === undefined) return unreachable;
      return { ...unreachable, detail: `${login.service}, which decides about logins, gave no answer that says it` };
  }
}
