// Run by seal.test.ts: whether it can be sealed; seals; which threads hold capabilities, and what asking for one gives.

import { stat } from "node:fs/promises";
import { assertSealable, assertSealed, becomeUser, Rtnetlink, seal } from "../../dist/src/linux/index.js";

const user = process.argv[2];
await stat("/"); // libuv's threads are there
const sealable = attempt(() => assertSealable(user)).code ?? "";
if (user !== undefined) becomeUser(user);
seal();
const held = attempt(assertSealed).details?.threads ?? [];
const { code, message } = attempt(resolve);
console.log(JSON.stringify({ sealable, held, resolve: code, message }));

function attempt(act) {
  try {
    act();
    return {};
  } catch (error) {
    return error;
  }
}

function resolve() {
  const rtnetlink = Rtnetlink.open();
  try {
    rtnetlink.resolve(rtnetlink.link("lo").index, { family: 4, bytes: Uint8Array.of(127, 0, 0, 9) });
  } finally {
    rtnetlink.close();
  }
}
