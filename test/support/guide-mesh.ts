/**
 * A mesh of its own for a guide that says something of the whole mesh: begun with the guide's first configuration, begun
 * anew with its next one, or with other secrets. State and ports stay, as they do where a reader deploys.
 */
import { createServer, type Server } from "node:http";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import type { LocalMesh } from "../../local/mesh.ts";
import type { GuideConfiguration } from "./guide-configurations.ts";
import { startMesh } from "./mesh.ts";

export class GuideMesh {
  readonly #origin: string;
  readonly #state = mkdtempSync(join(tmpdir(), "selvedge-guide-mesh-"));
  readonly #door: Server;
  #secrets: Readonly<Record<string, string>>;
  #configFile = "";
  #mesh: LocalMesh | null = null;

  private constructor(origin: string, secrets: Readonly<Record<string, string>>, door: Server) {
    this.#origin = origin;
    this.#secrets = secrets;
    this.#door = door;
    door.on("request", (request, response) => {
      void text(request).then(async (body) => {
        await this.#takeSecrets(JSON.parse(body) as Readonly<Record<string, string | null>>);
        response.end("Finished processing secrets\n");
      });
    });
  }

  static async open(parts: {
    readonly origin: string;
    readonly secrets: Readonly<Record<string, string>>;
  }): Promise<GuideMesh> {
    const door = createServer();
    door.listen(0, "127.0.0.1");
    await once(door, "listening");
    return new GuideMesh(parts.origin, parts.secrets, door);
  }

  get mesh(): LocalMesh {
    if (this.#mesh === null) throw new Error("cannot ask the guide's mesh: it has not begun");
    return this.#mesh;
  }

  /** `npx`, which knows `wrangler secret bulk` alone: secrets as JSON, null for one that goes; the mesh starts with them. */
  get npx(): string {
    const door = `http://127.0.0.1:${(this.#door.address() as AddressInfo).port}`;
    return `#!/bin/sh\n[ "$*" = "wrangler secret bulk" ] && exec curl -s --data-binary @- ${door}\nexit 64\n`;
  }

  async configure({ file, built }: GuideConfiguration): Promise<void> {
    await built;
    this.#configFile = file;
    await this.restart();
  }

  /** Where it keeps what outlives it: `.selvedge` to its reader. */
  get state(): string {
    return this.#state;
  }

  /** What its reader has of it, by the names of variables. */
  async variables(): Promise<Readonly<Record<string, string>>> {
    const [edge, other] = this.mesh.edges.map(({ url }) => url);
    const { MESH_ADMIN_SECRET, MESH_KEY_SECRET } = this.mesh.state.secrets;
    const TOKEN = await this.mesh.adminToken();
    return { MESH: edge ?? "", OTHER: other ?? "", TOKEN, MESH_ADMIN_SECRET, MESH_KEY_SECRET };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#mesh?.stop();
    this.#door.closeAllConnections();
    this.#door.close();
    rmSync(this.#state, { recursive: true, force: true });
  }

  async #takeSecrets(changed: Readonly<Record<string, string | null>>): Promise<void> {
    const all = Object.entries({ ...this.#secrets, ...changed });
    this.#secrets = Object.fromEntries(all.filter((entry): entry is [string, string] => entry[1] !== null));
    await this.restart();
  }

  async restart(): Promise<void> {
    const ports = this.#mesh?.edges.map(({ port }) => port);
    await this.#mesh?.stop();
    this.#mesh = await startMesh({
      configFile: this.#configFile,
      regions: ["weur", "enam"],
      origins: { "*": this.#origin },
      stateDirectory: this.#state,
      vars: this.#secrets,
      ...(ports === undefined ? {} : { ports }),
    });
  }
}
