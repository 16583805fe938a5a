import { once } from "node:events";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { createInventory } from "./inventory.ts";
import { PartsFile } from "./parts-file.ts";
import { createStandIn } from "./stand-in.ts";

export interface Demo {
  readonly url: string;
  stop(): void;
}

/** The inventory on a free port of this machine only; its parts are kept in `folder`. */
export function startDemo(folder: string): Promise<Demo> {
  return listening(createInventory(new PartsFile(join(folder, "parts.json"))));
}

/** The stand-in on another one. */
export function startStandIn(): Promise<Demo> {
  return listening(createStandIn());
}

async function listening(server: Server): Promise<Demo> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    stop() {
      server.close();
      server.closeAllConnections();
    },
  };
}
