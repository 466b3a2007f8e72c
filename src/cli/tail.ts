// spangate tail: packets of one tenant as they come, explained, a few a second.

import { type Command, InvalidArgumentError } from "commander";
import { API_SOCKET, TAIL_RATE } from "../config/defaults.js";
import type { PacketRecord } from "../explain/index.js";
import { integer } from "./values.js";

const EXAMPLES = `
Examples:
  $ spangate tail acme
        ten packets of acme a second at the most: each header, the verdict and why, what its sniffers get
  $ spangate tail acme --rate 100 --json | jq -r 'select(.verdict != "delivered") | .reason'
        why packets of acme are dropped; one object a line
  $ spangate tail acme --count 1
        the next one

Only packets whose tenant was found to be this one are shown. Each use is in the gateway's log.

Exit code: 0 as many as were asked for, 1 no gateway answers or it has ended, 130 by Ctrl-C.`;

interface Flags {
  readonly socket: string;
  readonly rate?: number;
  readonly count?: number;
  readonly json?: boolean;
}

export function tailCommand(command: Command): Command {
  return command
    .description("show packets of a tenant as they come, with what became of them and why")
    .argument("<TENANT>", "its name in the configuration")
    .option("--socket <PATH>", "the gateway's control socket, `api.socket` of its configuration", API_SOCKET)
    .option(
      "--rate <N>",
      `packets a second at the most, ${TAIL_RATE.least} to ${TAIL_RATE.most} (${TAIL_RATE.usual})`,
      rate,
    )
    .option("--count <N>", "end after so many packets", integer(1, Number.MAX_SAFE_INTEGER))
    .option("--json", "one JSON object a line, as `explain --json` has it")
    .addHelpText("after", EXAMPLES)
    .action(tail);
}

async function tail(tenant: string, { socket, rate, count, json }: Flags): Promise<void> {
  const { followGateway } = await import("../control/client.js");
  const { SpangateError } = await import("../errors.js");
  const { recordText } = await import("../explain/index.js");
  const { endOnSignals } = await import("./interruption.js");
  const { paintFor, widthOf, write } = await import("./terminal.js");
  endOnSignals();
  const query = new URLSearchParams({
    tenant,
    ...(rate !== undefined && { rate: String(rate) }),
    ...(count !== undefined && { count: String(count) }),
  });
  const paint = paintFor(process.stdout);
  let packets = 0;
  for await (const record of followGateway(socket, `/tail?${query}`)) {
    packets++;
    const text = json
      ? `${JSON.stringify(record)}\n`
      : recordText(record as PacketRecord, paint, widthOf(process.stdout));
    await write(process.stdout, text);
  }
  if (packets === count) return;
  throw new SpangateError("GATEWAY_UNREACHABLE", `The gateway at ${socket} has ended.`, {
    details: { socket },
  });
}

function rate(text: string): number {
  const value = /^\d*\.?\d+$/.test(text) ? Number(text) : Number.NaN;
  if (value >= TAIL_RATE.least && value <= TAIL_RATE.most) return value;
  throw new InvalidArgumentError(`Expected packets a second from ${TAIL_RATE.least} to ${TAIL_RATE.most}.`);
}
