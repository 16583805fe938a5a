/** The part of json-server 0.17 that the tests use; the package has no types of its own. */
declare module "json-server" {
  import type { RequestListener } from "node:http";

  interface Application extends RequestListener {
    use(handlers: unknown): void;
  }

  const jsonServer: {
    create(): Application;
    defaults(options: { readonly logger: boolean; readonly bodyParser: boolean }): unknown;
    router(file: string): unknown;
  };
  export default jsonServer;
}
