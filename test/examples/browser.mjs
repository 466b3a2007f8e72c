// The page's program: strips the capture it is given, lists the packets, and offers the clean capture.
import { captureBytes, Decapsulator, readFrames } from "spangate";

const [input, status, link, list] = document.querySelectorAll("input, output, a, pre");

async function* listed(packets) {
  for await (const packet of packets) {
    list.append(`${packet.interface} ${packet.data.length} bytes\n`);
    yield packet;
  }
}
input.onchange = async () => {
  const gateway = await Decapsulator.create();
  const packets = gateway.decapsulate(readFrames(input.files[0]));
  const clean = await captureBytes(listed(packets)).catch(({ code }) => code);
  if (clean instanceof Uint8Array) link.href = URL.createObjectURL(new Blob([clean]));
  status.value = clean instanceof Uint8Array ? `${gateway.counters().delivered} packets` : clean;
};
