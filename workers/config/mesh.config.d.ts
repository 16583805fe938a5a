/** What the build makes of `mesh.config.ts`: there only then, and known only once it is revived. */
declare const written: unknown;
export default written;
