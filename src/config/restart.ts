// What of a configuration may change while the gateway runs: whose packets go to whom. Sockets, rings and threads stay what they are.

import { isDeepStrictEqual } from "node:util";
import { SpangateError } from "../errors.js";
import { LISTS, type LiveGatewayConfig } from "./schema.js";

const LIVE: ReadonlySet<string> = new Set(LISTS);

/** @throws SpangateError RESTART_NEEDED with every key that is different, in `details.keys` */
export function expectSameGateway(before: LiveGatewayConfig, after: LiveGatewayConfig): void {
  const keys = differences(before, after);
  if (keys.length === 0) return;
  const message = `${keys.join(", ")} ${keys.length === 1 ? "is" : "are"} not what the gateway runs with: start it again, or put ${keys.length === 1 ? "it" : "them"} back.`;
  throw new SpangateError("RESTART_NEEDED", message, { details: { keys } });
}

/** `tunnel.queues`, `user`: keys whose values are different, those of the map left out. */
function differences(before: object, after: object, prefix = ""): string[] {
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...names].flatMap((name) => {
    const key = `${prefix}${name}`;
    const [a, b] = [(before as Record<string, unknown>)[name], (after as Record<string, unknown>)[name]];
    if (LIVE.has(key)) return [];
    if (isSection(a) && isSection(b)) return differences(a, b, `${key}.`);
    return isDeepStrictEqual(a, b) ? [] : [key];
  });
}

function isSection(value: unknown): value is object {
  return typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}
