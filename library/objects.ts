/**
 * The object classes, for a Worker of one's own to export again. The module `selvedge/objects`. Each has a module of its
 * own, so that a bundle has the code of those that are exported.
 */
export { KeySets } from "./key-sets-class.ts";
export { Limiter } from "./limiter-class.ts";
export { Log } from "./log-class.ts";
export { Region } from "./region-class.ts";
