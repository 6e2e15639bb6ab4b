// A client that is told what to do line by line: {"tool", "arguments", "answers"} in, what came of it out.

import { createInterface } from "node:readline";

// How to reach the server: {transport, url} or {transport, command, args, cwd, env}; and the era of the protocol.
export const server = JSON.parse(process.argv[2]);

let answers = [];
let shown = 0;

// Fill in a form with the next answer of the line; without one nobody sits here.
export function fillIn() {
  shown += 1;
  return answers.length ? { action: "accept", content: { answer: answers.shift() } } : { action: "cancel" };
}

export async function follow(client) {
  for await (const line of createInterface({ input: process.stdin })) {
    console.log(JSON.stringify(await obey(client, JSON.parse(line))));
  }
  await client.close();
}

async function obey(client, told) {
  if (!told.tool) return { tools: (await client.listTools()).tools.map((tool) => tool.name) };
  answers = told.answers;
  shown = 0;
  const result = await client.callTool({ name: told.tool, arguments: told.arguments });
  return { structured: result.structuredContent, failed: Boolean(result.isError), shown };
}
