// What every backend that has a delivery interface does with what arrives there: nothing of it is the host's.

import { describe, expect, test } from "vitest";
import { DELIVERY, GATEWAY, V4 } from "../live/site.js";
import { tunnelFrames } from "../live/tunnel-packets.js";
import { until } from "../live/until.js";
import { overEach } from "./place.js";
import { WITH_INTERFACES } from "./subjects.js";

const PORT = 7777;

overEach(WITH_INTERFACES, (place) => {
  describe("what arrives at the delivery interface", () => {
    const listener = `const s = require("node:dgram").createSocket("udp6");
      s.on("message", (m) => console.log("got", m.toString())).bind(${PORT}, () => console.log("listens"));`;
    const speak = (to: string, text: string, times = 1) => {
      const program = `const s = require("node:dgram").createSocket("${to.includes(":") ? "udp6" : "udp4"}");
        let left = ${times};
        const next = () => (left-- === 0 ? s.close() : s.send("${text}", ${PORT}, "${to}", () => setTimeout(next, 20)));
        next();`;
      return place.lab.run(place.destination, process.execPath, ["-e", program]);
    };

    test("never reaches the host, but for ARP and neighbour discovery", async () => {
      const service = await place.lab.start(place.site.gateway, process.execPath, ["-e", listener], {
        ready: /listens/,
      });
      await speak(DELIVERY.ipv4, "before");
      await speak(DELIVERY.ipv6, "before");
      await until(
        () => service.output.match(/got before/g)?.length === 2,
        () => "two datagrams",
      );

      const gateway = await place.start();
      await place.lab.ip(place.destination, "neigh flush all");
      for (const to of [DELIVERY.ipv4, DELIVERY.ipv6, GATEWAY.ipv4]) {
        if (to === GATEWAY.ipv4)
          await place.lab.ip(place.destination, `route replace ${GATEWAY.ipv4}/32 via ${DELIVERY.ipv4}`);
        await speak(to, "within", 5);
      }
      // The kernel has answered who asked for its addresses.
      const known = () => place.lab.run(place.destination, "ip", ["neigh", "show", "dev", "eth0"]);
      await until(
        async () => (await known()).match(new RegExp(`lladdr ${DELIVERY.mac}`, "g"))?.length === 2,
        () => "ARP and ND",
      );
      // Nor does a tunnel packet that comes in there.
      const [frame] = place.tenant.frames(1);
      const toDelivery = { ...V4, toMac: DELIVERY.mac };
      const port = place.lab.port(place.destination, "eth0");
      await port.replay(tunnelFrames("erspan2", 100, frame!, 0, toDelivery));
      expect(await gateway.stop()).toMatchObject({ received: 0 });
      expect(service.output).not.toContain("within");

      await speak(DELIVERY.ipv4, "after");
      await until(
        () => service.output.includes("got after"),
        () => "a datagram after the gateway",
      );
      expect(service.output).not.toContain("within");
      await service.stop();
    });
  });
});
