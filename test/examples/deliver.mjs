// Each tenant's packets to its sniffers; the map is an object, and every mistake in it is in one error.
import { Decapsulator, readFrames } from "spangate";

const map = {
  sniffers: [{ name: "acme-ids", deliver: "mac", mac: "02:00:00:00:0a:01" }],
  tenants: [{ name: "acme", sources: [{ encapsulation: "erspan", session: 100 }], sniffers: ["acme-ids"] }],
};
const gateway = await Decapsulator.create({ map }).catch(({ code, message }) => {
  console.error(code, message); // CONFIG_INVALID tenants[0].sources[0].session: is 5000; expected …
  process.exit(2);
});
for await (const packet of gateway.decapsulate(readFrames(process.argv[2]))) {
  const { sniffer, data, originalLength, timestamp, encapsulation, id, sequence } = packet;
  console.log(sniffer, timestamp, `${data.length}/${originalLength}`, encapsulation, id, sequence);
}
console.log(gateway.accounts().get("acme-ids"));
