// The TypeScript SDK v2: both eras of the protocol.

import { Client, SSEClientTransport, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";

import { fillIn, follow, server } from "./bridge.js";

const transports = {
  stdio: () => new StdioClientTransport(server),
  sse: () => new SSEClientTransport(new URL(server.url)),
  http: () => new StreamableHTTPClientTransport(new URL(server.url)),
};
const mode = server.era === "legacy" ? "legacy" : { pin: server.era };
const client = new Client(
  { name: "typescript-v2", version: "1" },
  { capabilities: { elicitation: { form: {} } }, versionNegotiation: { mode } },
);
client.setRequestHandler("elicitation/create", fillIn);
await client.connect(transports[server.transport]());
await follow(client);
