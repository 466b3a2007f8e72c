// A VXLAN gateway without root: packets of a UDP socket are written into slots, and SIGHUP replaces the map.
import { createSocket } from "node:dgram";
import { Decapsulator, loadConfig } from "spangate";

const [file, port] = process.argv.slice(2);
const gateway = await Decapsulator.create({ map: await loadConfig(file), decode: { checksums: "ignore" } });
process.on("SIGHUP", async () => console.log("generation", gateway.replaceMap(await loadConfig(file))));
// IPv4 and UDP, which the system took off. A length of 0 is "to the end".
const headers = Buffer.from("4500000000000000401100000000000000000000000012b500000000", "hex");
const socket = createSocket("udp4", (payload, { address }) => {
  const slot = gateway.slot(headers.length + payload.length);
  slot.set(headers);
  slot.set(address.split("."), 12);
  slot.set(payload, headers.length);
  gateway.commit({ linkType: 228 }); // raw IPv4
  gateway.flush();
  for (const { sniffer, data } of gateway.deliveries()) console.log(sniffer, data.length);
});
socket.bind(Number(port), () => console.log("listening", socket.address().port));
