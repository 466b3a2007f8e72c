// The tenant map's decision: which rule, which claim, which endpoint.

import { expect, test } from "vitest";
import * as make from "../reference/packets.js";
import { explainFrames, mapOf } from "./explained.js";
import { erspan2, overGre } from "./tunnels.js";

const map = mapOf(`
tunnel: { addresses: [192.0.2.2] }
sharedSources:
- { encapsulation: erspan, session: 7, direction: trusted }
sniffers:
- { name: acme-ids, deliver: mac, mac: "02:00:00:00:0a:01" }
- { name: globex-ids }
- { name: initech-ids }
tenants:
- { name: acme, sources: [{ encapsulation: erspan, session: 1 }], addresses: [10.1.0.0/16], sniffers: [acme-ids] }
- { name: globex, addresses: [10.2.0.0/16], sniffers: [globex-ids] }
- { name: initech, sources: [{ encapsulation: erspan, session: 3 }], sniffers: [initech-ids] }
`);
const between = (source: string, destination: string) =>
  make.ethernet(0x0800, make.ipv4(17, make.udp(9, [1]), { source, destination }));
const acme = between("10.1.0.5", "10.1.0.6");
const shared = between("10.1.0.5", "10.2.0.6");
const nobody = between("10.3.0.5", "10.3.0.6");
const loop = make.ethernet(0x0800, make.ipv4(47, new Uint8Array(8), { destination: "192.0.2.2" }));

test.each([
  {
    what: "no addresses",
    frame: overGre(erspan2(3)),
    verdict: "delivered",
    tenant: "initech",
    rule: 1,
    reason: /rule 1: tenants\[2\].sources\[0\] \(erspan 3\) claims it, and initech lists no addresses/,
  },
  {
    what: "its address",
    frame: overGre(erspan2(1, acme)),
    verdict: "delivered",
    tenant: "acme",
    rule: 2,
    reason: /to acme-ids; rule 2: .* the inner source 10\.1\.0\.5 is acme's/,
  },
  {
    what: "a foreign address",
    frame: overGre(erspan2(1, nobody)),
    verdict: "foreign-address",
    rule: 2,
    reason: /none of 10\.3\.0\.5, 10\.3\.0\.6, .* among acme's addresses/,
  },
  {
    what: "shared, one owner",
    frame: overGre(erspan2(7, acme)),
    verdict: "delivered",
    tenant: "acme",
    rule: 3,
    reason: /sharedSources\[0\].*many tenants/,
  },
  {
    what: "shared, two owners",
    frame: overGre(erspan2(7, shared)),
    verdict: "ambiguous-tenant",
    rule: 3,
    reason: /belong to more than one of them, without a direction/,
  },
  {
    what: "shared, direction decides",
    frame: overGre(make.gre(0x22eb, make.erspan3(shared, { session: 7, outgoing: true }))),
    verdict: "delivered",
    tenant: "globex",
    rule: 3,
    reason: /rule 3/,
  },
  {
    what: "shared, nobody's",
    frame: overGre(erspan2(7, nobody)),
    verdict: "unmapped",
    rule: 3,
    reason: /no tenant owns one of 10\.3\.0\.5/,
  },
  {
    what: "claimed by nobody",
    frame: overGre(erspan2(99)),
    verdict: "unmapped",
    rule: 4,
    reason: /rule 4: no tenant claims erspan 99 from 192\.0\.2\.1/,
  },
  { what: "a loop", frame: overGre(erspan2(1, loop)), verdict: "loop", reason: /tunnel to this gateway/ },
])("$what: $verdict", async ({ frame, verdict, tenant, rule, reason }) => {
  const [record] = await explainFrames([frame], { map });
  expect([record!.verdict, record!.tenant, record!.rule]).toEqual([verdict, tenant, rule]);
  expect(record!.reason).toMatch(reason);
  expect(record!.sniffers).toEqual(tenant === undefined ? undefined : [`${tenant}-ids`]);
});
