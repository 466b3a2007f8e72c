// `spangate diff` and `apply`: a difference is told from a failure by the exit code.

import { writeFileSync } from "node:fs";
import { expect, onTestFinished, test } from "vitest";
import { ControlServer } from "../../src/control/server.js";
import { FakeGateway, sockets } from "../control/fake.js";
import { ownFolder, spangate } from "./command.js";

const folder = ownFolder();
const newSocket = sockets();
const same = {
  sniffers: [
    { name: "acme-ids", deliver: "mac", mac: "02:00:00:00:0a:01" },
    { name: "globex-ids", deliver: "mac", mac: "02:00:00:00:0a:02" },
  ],
  tenants: [{ name: "acme", sources: [{ encapsulation: "erspan", session: 1 }], sniffers: ["acme-ids"] }],
};
const other = { ...same, tenants: [{ ...same.tenants[0], name: "acme2" }] };

function file(name: string, config: object): string {
  const path = `${folder}/${name}.yaml`;
  writeFileSync(path, JSON.stringify(config));
  return path;
}

async function running(): Promise<string> {
  const socket = newSocket();
  const server = await ControlServer.listen(new FakeGateway(), { socket });
  onTestFinished(() => server.close());
  return socket;
}

const DIFFERENCE = /^- tenant acme\n\+ tenant acme2\n$/;
const NOTHING = /^$/;

test.each([
  ["diff", "the same", same, 0, NOTHING],
  ["diff", "another one", other, 3, DIFFERENCE],
  ["diff", "one with mistakes", { tenants: [{}] }, 2, NOTHING],
  ["apply", "another one", other, 0, DIFFERENCE],
] as const)("%s, %s", async (command, _, config, code, stdout) => {
  const finished = await spangate([command, file("asked", config), "--socket", await running()]);
  expect(finished).toMatchObject({ code, stdout: expect.stringMatching(stdout) });
});

test("diff of a file for which no gateway answers, and of one that is not there", async () => {
  const args = ["--socket", newSocket()];
  expect(await spangate(["diff", file("same", same), ...args])).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/\[GATEWAY_UNREACHABLE\]/),
  });
  expect(await spangate(["diff", `${folder}/none.yaml`, ...args])).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/\[IO_FAILED\]/),
  });
});
