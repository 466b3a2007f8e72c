// spangate explain: packet by packet, what each header was, why the verdict is what it is, and what each sniffer gets.

import { type Command, Option } from "commander";
import { addDecodeFlags, type DecodeFlags, withFlags } from "./decode-flags.js";
import { integer } from "./values.js";

interface ExplainFlags extends DecodeFlags {
  readonly config?: string;
  readonly packet?: number;
  readonly json?: boolean;
}

const EXAMPLES = `
Examples:
  $ spangate explain mirror.pcap | less -R
        every packet with its headers and its verdict
  $ spangate explain mirror.pcap --config gateway.yaml --packet 42
        why packet 42 went where it went, or did not, and what its sniffers' wires carry
  $ spangate explain mirror.pcap --json | jq -r 'select(.verdict != "delivered") | "\\(.packet) \\(.verdict): \\(.reason)"'
        every drop with its reason; one object a line, one for every packet

Exit code: 0 done, 1 failed while running, 2 wrong usage or configuration.`;

export function explainCommand(command: Command): Command {
  addDecodeFlags(
    command
      .description("tell packet by packet what each header was, which rule decided, and why")
      .argument("<IN>", "a capture: pcap or pcapng, plain or in gzip; - is standard input")
      .option("--config <FILE>", "gateway.yaml: says whose packets are whose, and how sniffers get them"),
  );
  return command
    .addOption(
      new Option(
        "--packet <N>",
        "only packet N, from 1 in the order of the file, with every header its sniffers get",
      ).argParser(integer(1, Number.MAX_SAFE_INTEGER)),
    )
    .option("--json", "one JSON object a line, one for every packet")
    .addHelpText("after", EXAMPLES)
    .action(explain);
}

async function explain(input: string, flags: ExplainFlags): Promise<void> {
  const { endOnSignals } = await import("./interruption.js");
  endOnSignals();
  const { checkReadable } = await import("./paths.js");
  await checkReadable([input]);
  const explaining = await import("../explain/index.js");
  const { paintFor, widthOf, write } = await import("./terminal.js");
  const { base, delivery } = await configured(flags.config);
  const paint = paintFor(process.stdout);
  const width = widthOf(process.stdout);
  const request = {
    input,
    ...delivery,
    engine: { ...delivery?.engine, ...withFlags(base, flags) },
    ...(flags.packet === undefined ? {} : { packet: flags.packet }),
  };
  const pieces = explaining.explain(
    request,
    flags.json
      ? (record) => `${JSON.stringify(record)}\n`
      : (record) => explaining.recordText(record, paint, width, flags.packet !== undefined),
  );
  for await (const text of pieces) await write(process.stdout, text);
}

/** How tunnels are taken off, and what sniffers get; without a configuration the defaults, and nobody gets anything. */
async function configured(file: string | undefined) {
  if (file === undefined) {
    const { DEFAULT_OPTIONS } = await import("../engine/index.js");
    return { base: DEFAULT_OPTIONS, delivery: undefined };
  }
  const { loadConfig } = await import("../config/load.js");
  const config = await loadConfig(file);
  const { compileMap } = await import("../mapping/index.js");
  const { engineOptions, offlineDelivery } = await import("../datapath/index.js");
  const { engine, config: offline } = offlineDelivery(config, 1);
  const map = compileMap(offline, { delivery: "configured" });
  return { base: engineOptions(config.decode, config.tunnel.ports), delivery: { engine, map, config } };
}
