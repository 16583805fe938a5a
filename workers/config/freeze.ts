/** Freezing a compiled configuration: what every request of an isolate shares, none may change. */

/**
 * Freezes plain objects, lists, maps and sets, and what is in them. Maps and sets are told to refuse changes, because
 * `Object.freeze` does not reach what they hold. Instances of classes keep their own state and are left alone.
 */
export function freezeDeeply<Value>(value: Value): Value {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return value;
  if (value instanceof Map) {
    for (const item of value.values()) freezeDeeply(item);
    refuseChanges(value, ["set", "delete", "clear"]);
  } else if (value instanceof Set) {
    refuseChanges(value, ["add", "delete", "clear"]);
  } else if (Array.isArray(value) || Object.getPrototypeOf(value) === Object.prototype) {
    for (const item of Object.values(value)) freezeDeeply(item);
  } else {
    return value;
  }
  return Object.freeze(value);
}

function refuseChanges(collection: object, methods: readonly string[]): void {
  for (const method of methods) {
    Object.defineProperty(collection, method, {
      value: () => {
        throw new TypeError(`cannot change the configuration: ${method} was called on a frozen part of it`);
      },
    });
  }
}
