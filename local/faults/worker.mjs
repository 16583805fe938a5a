/**
 * Wraps a Worker so that faults can strike the calls between its parts. It stands around the bundle in a local mesh
 * that was started with faults, and is in no bundle that is deployed.
 *
 * Plain JavaScript, typed by comments: it is handed to the Workers runtime as it is.
 *
 * @typedef {import("./rule.ts").Call} Call
 * @typedef {import("./rule.ts").FaultSettings} FaultSettings
 * @typedef {import("./rule.ts").Lane} Lane
 */
import { control, controlPath, intercept, latencyIs, secretHeader } from "./intercept.mjs";

/**
 * What the runtime hands over, as far as it matters here.
 *
 * @typedef {Readonly<Record<string, unknown>>} Env
 * @typedef {{ readonly name?: string, toString(): string }} ObjectId
 * @typedef {{ readonly id: ObjectId }} ObjectState
 * @typedef {{ readonly queue: string, ackAll(): void }} Batch
 * @typedef {(event: unknown, env: Env, context: unknown) => unknown} Handler
 * @typedef {{ readonly fetch: Handler, readonly queue: Handler, readonly scheduled: Handler }} Handlers
 */

/** @type {FaultSettings | undefined} */
let settings;

/**
 * @param {Env} env
 * @returns {FaultSettings}
 */
function settingsOf(env) {
  if (settings === undefined) {
    settings = /** @type {FaultSettings} */ (JSON.parse(String(env.MESH_FAULTS)));
    latencyIs(settings.latencyMs);
  }
  return settings;
}

/**
 * The Worker's default export, wrapped.
 *
 * @param {Handlers} handlers
 */
export function faultyHandlers(handlers) {
  const envs = { fetch: envFor("fetch"), queue: envFor("queue"), scheduled: envFor("scheduled") };
  return {
    ...handlers,
    /** @type {(request: Request, env: Env, context: unknown) => unknown} */
    fetch(request, env, context) {
      if (request.url.endsWith(controlPath) && request.headers.get(secretHeader) === settingsOf(env).secret) {
        return control(request);
      }
      return handlers.fetch(request, envs.fetch(env), context);
    },
    /** @type {(batch: Batch, env: Env, context: unknown) => Promise<void>} */
    async queue(batch, env, context) {
      const wrapped = envs.queue(env);
      const call = {
        lane: /** @type {const} */ ("queue"),
        from: "queue",
        className: "Consumer",
        name: batch.queue,
        method: "deliver",
      };
      await intercept(
        call,
        () => handlers.queue(batch, wrapped, context),
        () => batch.ackAll(),
      );
    },
    /** @type {Handler} */
    scheduled: (controller, env, context) => handlers.scheduled(controller, envs.scheduled(env), context),
  };
}

/**
 * An object class, wrapped.
 *
 * @param {new (state: ObjectState, env: Env) => object} Base
 */
export function faultyObject(Base) {
  return class extends Base {
    /**
     * @param {ObjectState} state
     * @param {Env} env
     */
    constructor(state, env) {
      super(state, faultyEnv(env, "object", nameOf(state.id)));
    }
  };
}

/**
 * An isolate has one env, so that a lane's wrapped one is made once.
 *
 * @param {Lane} lane
 * @returns {(env: Env) => Env}
 */
function envFor(lane) {
  /** @type {Env | undefined} */
  let wrapped;
  return (env) => (wrapped ??= faultyEnv(env, lane, lane === "fetch" ? settingsOf(env).from : lane));
}

/**
 * @param {Env} env
 * @param {Lane} lane
 * @param {string} from
 * @returns {Env}
 */
function faultyEnv(env, lane, from) {
  const { objects, queues } = settingsOf(env);
  /** @type {Record<string, unknown>} */
  const wrapped = { ...env };
  for (const [binding, className] of Object.entries(objects)) {
    wrapped[binding] = faultyNamespace(bound(env, binding), (name) => ({ lane, from, className, name }));
  }
  for (const name of queues) wrapped[name] = faultyTarget(bound(env, name), { lane, from, className: "Queue", name });
  return wrapped;
}

/**
 * @param {Env} env
 * @param {string} name
 * @returns {object}
 */
function bound(env, name) {
  const binding = env[name];
  if (typeof binding !== "object" || binding === null) throw new Error(`there is no binding ${name}`);
  return binding;
}

/**
 * A namespace whose stubs may be struck.
 *
 * @param {object} namespace
 * @param {(name: string) => Omit<Call, "method">} callTo
 * @returns {object}
 */
function faultyNamespace(namespace, callTo) {
  return new Proxy(namespace, {
    get(target, property) {
      const method = methodOf(target, property);
      if (method === null) return valueOf(target, property);
      if (property !== "getByName" && property !== "get") return method;
      return (/** @type {[string | ObjectId, ...unknown[]]} */ ...args) => {
        const stub = /** @type {object} */ (method(...args));
        return faultyTarget(stub, callTo(typeof args[0] === "string" ? args[0] : nameOf(args[0])));
      };
    },
  });
}

/**
 * A stub or a queue: each of its methods may be struck.
 *
 * @param {object} stub
 * @param {Omit<Call, "method">} call
 * @returns {object}
 */
function faultyTarget(stub, call) {
  return new Proxy(stub, {
    get(target, property) {
      // A stub has every property; one with a `then` would be taken for a promise.
      if (property === "then") return undefined;
      const method = methodOf(target, property);
      if (method === null || typeof property !== "string") return valueOf(target, property);
      return (/** @type {unknown[]} */ ...args) => intercept({ ...call, method: property }, () => method(...args));
    },
  });
}

/** @param {ObjectId} id */
function nameOf(id) {
  return id.name ?? id.toString();
}

/**
 * @param {object} target
 * @param {string | symbol} property
 * @returns {unknown}
 */
function valueOf(target, property) {
  return Reflect.get(target, property, target);
}

/**
 * Called on the target itself: what the runtime made knows no proxies.
 *
 * @param {object} target
 * @param {string | symbol} property
 * @returns {((...args: unknown[]) => unknown) | null}
 */
function methodOf(target, property) {
  const value = valueOf(target, property);
  if (typeof value !== "function") return null;
  return (...args) => {
    /** @type {unknown} */
    const answer = Reflect.apply(value, target, args);
    return answer;
  };
}
