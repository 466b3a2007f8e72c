// A process of its own that asks for the status at an even rate, over connections that stay: a gateway's by its socket, or, without one, a
// server's in this process that does nothing. What the second takes of the machine is not the gateway's.

import { Agent, createServer, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const [socket, perSecond = "1000"] = process.argv.slice(2);
const NOTHING = Buffer.from("{}");
const socketPath = socket || (await serveNothing());
const agent = new Agent({ keepAlive: true, maxSockets: 8 });
let answered = 0;
let isOver = false;
const begin = performance.now();

process.once("message", () => {
  isOver = true;
});
process.send!("asking");
const under = new Set<Promise<void>>();
for (let count = 0; !isOver; count++) {
  const due = begin + (count * 1000) / Number(perSecond);
  if (due > performance.now()) await sleep(1);
  if (under.size >= 64) await Promise.race(under);
  const asked = ask().then(() => {
    answered++;
    under.delete(asked);
  });
  under.add(asked);
}
await Promise.all(under);
process.send!((1000 * answered) / (performance.now() - begin), () => process.exit(0));

async function serveNothing(): Promise<string> {
  const path = join(tmpdir(), `spangate-asker-${process.pid}.sock`);
  const server = createServer((_, response) => {
    response.writeHead(200, { "content-type": "application/json", "content-length": NOTHING.length });
    response.end(NOTHING);
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return path;
}

function ask(): Promise<void> {
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath, agent, path: "/status" }, (response) => {
      response.resume().on("end", () => {
        if (response.statusCode === 200) resolve();
        else reject(new Error(`GET /status: ${response.statusCode}`));
      });
    });
    asked.on("error", reject);
    asked.end();
  });
}
