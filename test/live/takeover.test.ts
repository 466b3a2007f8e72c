// `run --replace`: a gateway takes another's place while packets come. Of every packet it is known who had it.

import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { askGateway } from "../../src/control/client.js";
import { spangate } from "../cli/command.js";
import { Lab } from "./lab.js";
import { lacks } from "./requirements.js";
import { SteadySite } from "./steady-site.js";
import { missingOf, takenOver } from "./taken-over.js";
import { until } from "./until.js";

const RATE = 10_000;
const NATIVE = { backend: "afxdp", xdp: "native" };
const SKB = { backend: "afxdp", xdp: "skb" };
const PACKET = { backend: "afpacket" };

describe.skipIf(lacks("setpriv"))("run --replace", () => {
  let lab: Lab;
  let place: SteadySite;
  beforeEach(async () => {
    lab = new Lab();
    place = await SteadySite.build(lab);
  });
  afterEach(() => lab.close());

  const replacing = (tunnel: object, more: object = {}) =>
    place.start(tunnel, more, { flags: ["--replace"] });

  test.each([
    ["afxdp in the driver, from the same", NATIVE, NATIVE, {}],
    ["afxdp on socket buffers, from the same", SKB, SKB, {}],
    ["afxdp, from socket buffers to the driver", SKB, NATIVE, {}],
    ["afpacket, from afxdp", NATIVE, PACKET, {}],
    ["afxdp, from afpacket", PACKET, NATIVE, {}],
    ["afpacket, from the same", PACKET, PACKET, {}],
    ["afxdp, with a user", NATIVE, NATIVE, { user: "nobody" }],
    ["afxdp, sealed", NATIVE, NATIVE, { user: "nobody", sealed: true }],
  ])("%s", async (_, old, next, more) => {
    const first = await place.start(old, more);
    const sniffer = await place.listen();
    const steady = place.sending(RATE);
    await first.has({ received: RATE / 10 });
    const second = await replacing(next, more);
    const balance = await first.end();
    const { received } = await second.status();
    await second.has({ received: received + RATE / 10 });
    const sent = await steady.stop();
    const said = takenOver(second);
    expect(said.pid).toBe(first.process.pid);
    // What was in its ring comes to it.
    expect(said.before).toBeLessThanOrEqual(balance.received);
    await sniffer.flush();
    const after = await second.stop();
    // Nobody had what is missing, and so much of it is known.
    const missing = missingOf(sent, balance, after);
    expect(missing).toBeGreaterThanOrEqual(0);
    expect(missing).toBeLessThanOrEqual(said.between);
    // Each copy once, and in order.
    const got = await sniffer.stop();
    expect(got.length).toBe(balance.sniffers.ids!.sent + after.sniffers.ids!.sent);
    expect(after.sessions).toMatchObject([{ sequence: { reordered: 0, duplicates: 0 } }]);
    expect(existsSync(place.socket)).toBe(false);
  });

  test("where nobody runs it starts as usual", async () => {
    const gateway = await replacing(NATIVE);
    expect(gateway.process.output).not.toContain("taken over");
    await gateway.stop();
  });

  test("one that cannot start leaves the other as it was", async () => {
    const first = await place.start(NATIVE);
    const before = statSync(place.socket).ino;
    const wrong = replacing({ ...NATIVE, queues: 2 });
    await expect(wrong).rejects.toThrow(/has 1 receive queues.*BACKEND_UNAVAILABLE/s);
    expect(statSync(place.socket).ino).toBe(before);
    const steady = place.sending(RATE);
    await first.has({ received: 100 });
    await steady.stop();
    await first.stop();
  });

  test("only its owner and root may ask for that", async () => {
    const gateway = await place.start(NATIVE, { user: "nobody" });
    const ask = (group: string) =>
      lab.run(place.site.gateway, "setpriv", [
        ...["--reuid", "daemon", "--regid", group, "--clear-groups", "curl", "-s", "-X", "POST"],
        ...["--unix-socket", place.socket, "http://localhost/handover/commit"],
      ]);
    // Of the group: it may look.
    expect(JSON.parse(await ask("nogroup"))).toMatchObject({ code: "NOT_PERMITTED", status: 403 });
    await gateway.stop();
  });

  test("a capture takes nobody's place, and it takes a control socket", async () => {
    const file = join(lab.directory, "g.yaml");
    const refused = await spangate(["run", file, "--replace", "--replay", "x.pcapng"]);
    expect([refused.code, refused.stderr]).toEqual([
      2,
      expect.stringMatching(/--replace takes over interfaces.*USAGE/),
    ]);
  });

  test("one that drains has nothing to hand over", async () => {
    const gateway = await place.start(NATIVE);
    await lab.ip(place.site.gateway, "link set delivery down");
    const steady = place.sending(RATE);
    await gateway.has({ received: 100 });
    await steady.stop();
    gateway.process.kill("SIGTERM");
    const refused = await until(
      () =>
        askGateway(place.socket, "/handover", { method: "POST" }).then(
          () => undefined,
          (error: { code: string }) => error.code,
        ),
      () => "it to drain",
    );
    expect(refused).toBe("NOT_READY");
    await gateway.end();
  });
});
