/** The only entry: what the platform calls (fetch, queue, scheduled), and the object classes with their settings. */
import written from "mesh.config";
import { Accounts as AccountsObject } from "../durable-objects/accounts/accounts.ts";
import { Grants as GrantsObject } from "../durable-objects/grants/grants.ts";
import { KeySets as KeySetsObject } from "../durable-objects/key-sets/key-sets.ts";
import { Keyring as KeyringObject } from "../durable-objects/keyring/keyring.ts";
import { Limiter as LimiterObject } from "../durable-objects/limiter/limiter.ts";
import { Lock as LockObject } from "../durable-objects/lock/lock.ts";
import { Log as LogObject } from "../durable-objects/log/log.ts";
import { Region as RegionObject } from "../durable-objects/region/region.ts";
import { broadcast } from "./broadcast/broadcaster.ts";
import { objectSettings } from "./config/object-settings.ts";
import { reviveMesh } from "./config/revived.ts";
import { serve } from "./door.ts";
import { heartbeat } from "./heartbeat.ts";

const mesh = reviveMesh(written);
const settings = objectSettings(mesh);

export class Log extends LogObject {
  constructor(state: DurableObjectState, env: Env) {
    super(state, env, settings.log);
  }
}

export class Region extends RegionObject {
  constructor(state: DurableObjectState, env: Env) {
    super(state, env, settings.region);
  }
}

export class Limiter extends LimiterObject {}

export class Lock extends LockObject {
  constructor(state: DurableObjectState, env: Env) {
    super(state, env, settings.lock);
  }
}

export class Keyring extends KeyringObject {
  constructor(state: DurableObjectState, env: Env) {
    super(state, env, settings.keyring);
  }
}

export class KeySets extends KeySetsObject {
  constructor(state: DurableObjectState, env: Env) {
    super(state, env, settings.keySets);
  }
}

export class Accounts extends AccountsObject {
  constructor(state: DurableObjectState, env: Env) {
    super(state, env, settings.accounts);
  }
}

export class Grants extends GrantsObject {
  constructor(state: DurableObjectState, env: Env) {
    super(state, env, settings.grants);
  }
}

export default {
  fetch: (request, env, context) => serve(mesh, request, env, context),
  queue: (batch, env) => broadcast(mesh.environment, batch, env),
  scheduled: (_controller, env) => heartbeat(mesh.environment, env),
} satisfies ExportedHandler<Env, unknown>;
