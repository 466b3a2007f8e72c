import fc from "fast-check";
import { test } from "vitest";
import { DEFAULTS, mutations, ReferenceDelivery } from "../reference/index.js";
import { flowHash } from "../reference/flow.js";
import { seeds } from "./corpus.js";
import { DeliveringEngine } from "./delivering.js";
import { decodeAll } from "./delivery-compare.js";
import { bothForms, randomMap, randomSteps } from "./random-delivery.js";
import { balanceTable } from "../reference/balance.js";
test("dbg", async () => {
  const stream = mutations(1077, seeds);
  let n = 0;
  await fc.assert(fc.asyncProperty(randomMap, async (random) => {
      const forms = bothForms(random);
      fc.pre(forms !== undefined);
      n++;
      const { reference: map, compiled } = forms;
      console.log(JSON.stringify([...compiled.image.balance]) === JSON.stringify(balanceTable(map.sniffers)), compiled.image.balance.length);
      const steps = randomSteps(300, 100000 + n, stream, map.sniffers);
      const reassembly = { memory: 2 ** 20, perSource: 2 ** 18, timeout: 5_000_000_000n };
      const decoded = decodeAll({ ...DEFAULTS, depth: 3, reassembly, map } as any, steps);
      const engine = await DeliveringEngine.create("lent", compiled, {decode: {...(await import("../../src/engine/index.js")).DEFAULT_OPTIONS.decode, depth: 3, reassembly}} as any);
      const ref = new ReferenceDelivery(map, random.delivery);
      let p = 0;
      for (const f of steps.flatMap((s) => s.frames)) {
        engine.announce([f]); const v = new Map(); engine.process(0, v);
        const dr = engine.drain();
        for (const { packet, result } of decoded[p++]!) {
          const d = ref.deliver(result);
          const e = [...dr].map(([k, x]) => k).sort().join();
          const r = d.offers.filter(o => !o.refused).map(o => o.sniffer).sort().join();
          for (const s of map.sniffers) ref.take(s.name);
          if (e !== r && v.get(packet)) { console.log(packet, v.get(packet), d.verdict, e, r, flowHash(result.inner!).toString(16), Buffer.from(result.inner!).toString("hex"), result, Buffer.from(f.frame).toString("hex")); throw new Error("x"); }
        }
      }
  }), { numRuns: 1, seed: 1, path: "3", endOnFailure: true });
});
