import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { createInventory } from "./inventory.ts";
import { PartsFile } from "./parts-file.ts";

export interface Demo {
  readonly url: string;
  stop(): void;
}

/** The inventory on a free port of this machine only; its parts are kept in `folder`. */
export async function startDemo(folder: string): Promise<Demo> {
  const server = createInventory(new PartsFile(join(folder, "parts.json")));
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
