// The TypeScript SDK v1, which most hosts of today are made with: the revisions before 2026.

import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { SSEClientTransport } from "@modelcontextprotocol/sdk/client/sse.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { ElicitRequestSchema } from "@modelcontextprotocol/sdk/types.js";

import { fillIn, follow, server } from "./bridge.js";

const transports = {
  stdio: () => new StdioClientTransport(server),
  sse: () => new SSEClientTransport(new URL(server.url)),
  http: () => new StreamableHTTPClientTransport(new URL(server.url)),
};
const client = new Client({ name: "typescript-v1", version: "1" }, { capabilities: { elicitation: { form: {} } } });
client.setRequestHandler(ElicitRequestSchema, fillIn);
await client.connect(transports[server.transport]());
await follow(client);
