// What happens to the soaked gateway beside its traffic: its map changes, by a neighbour's address and by the API, so that sniffers of every
// kind come and go with their queues, and those who watch it ask.

import { askGateway, followGateway } from "../../src/control/client.js";
import { SpangateError } from "../../src/errors.js";
import { textOf } from "./gateway.js";
import type { Site } from "./site.js";
import { pause } from "./until.js";

/** Between two changes of the map, and two looks, in milliseconds. */
export const CHANGE = 500;
/** As often as it goes at first, for so long: V8's heap comes to its size with what is made in it, which takes a thousand changes. */
const WARM_UP = 50_000;
const PAUSE = 10;

/** Waits until it is time for the next change, or the next look. @param since when the first was, by performance.now() */
export async function nextChange(since: number): Promise<void> {
  await pause(performance.now() - since < WARM_UP ? PAUSE : CHANGE);
}
/** Records of one look at a tenant's packets. */
const LOOK = 20;
/** Each gets what its tenant's sessions are, those of `acme` by `visitor`, too, while that is in the map. */
const SNIFFERS = (directory: string) => [
  { name: "by-mac", deliver: "mac", mac: "02:00:00:00:0a:01" },
  { name: "by-ip", deliver: "ip", mac: "02:00:00:00:0a:02", ip: "198.51.100.3" },
  { name: "by-vxlan", deliver: "vxlan", to: "198.51.100.2", vni: 7, fit: "fragment" },
  { name: "slow", deliver: "mac", mac: "02:00:00:00:0a:04", rate: "1Mbit", overflow: "drop-oldest" },
  { name: "tap", deliver: "tap", interface: "soak0" },
  { name: "files", deliver: "pcap", directory, rotate: { size: "4MiB", keep: 4 } },
];
/** These come and go, with their queues, a TAP interface and files. */
const VISITORS = (directory: string) => [
  { name: "visitor-mac", deliver: "mac", mac: "02:00:00:00:0a:05" },
  { name: "visitor-tap", deliver: "tap", interface: "soak1" },
  { name: "visitor-files", deliver: "pcap", directory, rotate: { size: "1MiB", keep: 2 } },
];

/** Something that makes the gateway put another map in force. */
export type Change = (count: number) => Promise<void>;

/** The map with and without a tenant and its sniffers. */
export function mapOf(directory: string, hasVisitor: boolean): { sniffers: object[]; tenants: object[] } {
  const [own, visitors] = [SNIFFERS(directory), hasVisitor ? VISITORS(directory) : []];
  const ofSession = (first: number, count: number) => {
    const ids = Array.from({ length: count }, (_, i) => first + i);
    const source = (encapsulation: string, key: string) => ids.map((id) => ({ encapsulation, [key]: id }));
    const byVni = [...source("vxlan", "vni"), ...source("geneve", "vni")];
    return [...source("erspan", "session"), ...source("gre", "key"), ...byVni];
  };
  const tenant = (name: string, sources: object[], sniffers: readonly { name: string }[]) => ({
    name,
    sources,
    sniffers: sniffers.map(({ name }) => name),
  });
  return {
    sniffers: [...own, ...visitors],
    tenants: [
      tenant("acme", ofSession(1, 10), own),
      ...(hasVisitor ? [tenant("visitor", ofSession(11, 1), visitors)] : []),
    ],
  };
}

/** The next hop gets another MAC address: the map is compiled anew. */
export async function setNeighbour({ lab, gateway }: Site, count: number): Promise<void> {
  const mac = `02:00:00:00:0b:${(count % 256).toString(16).padStart(2, "0")}`;
  await lab.ip(gateway, `neigh replace 198.51.100.2 lladdr ${mac} dev delivery nud permanent`);
}

/** Puts a map into the place of the one that it was meant for: when there is another by now (a neighbour's address), of that one. */
export async function replaceMap(socket: string, map: object): Promise<void> {
  for (;;) {
    const { generation } = (await askGateway(socket, "/map")) as { generation: number };
    const headers = { "if-match": `"${generation}"` };
    try {
      await askGateway(socket, "/map", { method: "PUT", body: map, headers });
      return;
    } catch (error) {
      if (!(error instanceof SpangateError && error.code === "GENERATION_CHANGED")) throw error;
    }
  }
}

/** Asks what those who watch a gateway ask: its accounts, its metrics, and now and then a tenant's packets. */
export async function look(socket: string, isOver: () => boolean): Promise<void> {
  const since = performance.now();
  for (let i = 0; !isOver(); i++) {
    await askGateway(socket, i % 2 === 0 ? "/status" : "/status?sessions=1000");
    await textOf(socket, "/metrics");
    if (i % 5 === 0) {
      let seen = 0;
      for await (const _ of followGateway(socket, "/tail?tenant=acme&rate=100"))
        if (++seen === LOOK || isOver()) break;
    }
    await nextChange(since);
  }
}
