// What `run` does not do it refuses, before it opens anything; and every key of gateway.yaml that it accepts it takes into account.

import { expect, test } from "vitest";
import { parseConfig } from "../../src/config/load.js";
import type { LiveGatewayConfig } from "../../src/config/schema.js";
import { LiveGateway } from "../../src/datapath/live-gateway.js";
import { assertSupported } from "../../src/datapath/live-support.js";
import type { SpangateError } from "../../src/errors.js";

const USUAL = {
  tunnel: { interface: "no-such-if", addresses: ["192.0.2.2"] },
  sniffers: [{ name: "ids", deliver: "mac", mac: "02:00:00:00:00:01" }],
  tenants: [{ name: "acme", sources: [{ encapsulation: "vxlan", vni: 1 }], sniffers: ["ids"] }],
};

function configOf(more: object): LiveGatewayConfig {
  const { config, mistakes } = parseConfig(JSON.stringify({ ...USUAL, ...more }), "g.yaml", { live: true });
  expect(mistakes).toBeUndefined();
  return config as LiveGatewayConfig;
}

test.each([
  [
    { sniffers: [...USUAL.sniffers, { name: "acme-tap", deliver: "tap", interface: "tap0" }] },
    "acme-tap",
    /^sniffers\[1\]\.deliver: .* acme-tap by tap yet; expected mac, ip or a tunnel$/,
  ],
  [
    {
      sniffers: [
        { ...USUAL.sniffers[0], name: "a" },
        { name: "ids", deliver: "pcap", directory: "." },
      ],
    },
    "ids",
    /^sniffers\[1\]\.deliver: .* ids by pcap yet;/,
  ],
  [{ senders: "per-sniffer" }, undefined, /^senders: .* is per-sniffer; expected inline$/],
  [{ senders: 4 }, undefined, /^senders: .* is 4; expected inline$/],
  [{ quarantine: { file: "u.pcapng" } }, undefined, /^quarantine: .*; expected no quarantine/],
  ...["udp", "libpcap"].map((backend): [object, undefined, RegExp] => [
    { tunnel: { ...USUAL.tunnel, backend } },
    undefined,
    new RegExp(`^tunnel\\.backend: .* by ${backend} yet; expected auto, afxdp or afpacket$`),
  ]),
])("%j is refused", async (more, sniffer, message) => {
  const error = await LiveGateway.start(configOf(more)).then(
    () => undefined,
    (error: SpangateError) => error,
  );
  expect(error).toMatchObject({ code: "UNSUPPORTED", exitCode: 2, message: expect.stringMatching(message) });
  expect(error!.details.unsupported).toMatchObject([sniffer === undefined ? {} : { sniffer }]);
});

test("all of it at once", () => {
  const more = {
    tunnel: { ...USUAL.tunnel, backend: "udp" },
    senders: 2,
    quarantine: { file: "u" },
    sniffers: [{ name: "ids", deliver: "tap", interface: "t" }],
  };
  expect(() => assertSupported(configOf(more))).toThrow(
    /^sniffers\[0\]\.deliver: .*\ntunnel\.backend: .*\nsenders: .*\nquarantine: /,
  );
});

test.each(["auto", "afxdp", "afpacket"])("what it does is not: %s", (backend) => {
  const more = { tunnel: { ...USUAL.tunnel, backend }, senders: "inline" };
  expect(() => assertSupported(configOf(more))).not.toThrow();
});
