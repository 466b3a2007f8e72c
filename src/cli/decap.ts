// spangate decap: one capture for each sniffer, after the tenant map.

import type { Command } from "commander";
import { QUARANTINE_LIMIT } from "../config/defaults.js";
import { parseSize } from "../config/quantities.js";
import type { GatewayConfig } from "../config/schema.js";
import { SpangateError } from "../errors.js";
import type { ReportFlags } from "./capture-run.js";
import { addDecodeFlags, type DecodeFlags, withFlags } from "./decode-flags.js";

interface DecapFlags extends DecodeFlags, ReportFlags {
  readonly config: string;
  readonly out: string;
  readonly quarantine?: string;
  readonly asDelivered?: boolean;
  readonly comments?: boolean;
}

const EXAMPLES = `
Examples:
  $ spangate decap mirror.pcap --config gateway.yaml --out tenants
        tenants/<sniffer>.pcapng for each sniffer, and a table of who got what
  $ spangate decap a.pcap b.pcapng.gz --config gateway.yaml --out tenants --quarantine unmapped.pcapng
        packets that no tenant claims are kept apart
  $ spangate decap mirror.pcap --config gateway.yaml --out wires --as-delivered
        frames as each sniffer would receive them: addressed to it, or in the tunnel to it
  $ spangate decap mirror.pcap --config gateway.yaml --out tenants --json | jq .drops
        the report for a program

Flags about decoding override the configuration's "decode" keys.
Exit code: 0 done, 1 failed while running, 2 wrong usage or configuration.`;

export function decapCommand(command: Command): Command {
  addDecodeFlags(
    command
      .description("sort tunnel packets by tenant into one capture for each sniffer")
      .argument("<IN...>", "captures: pcap or pcapng, plain or in gzip; - is standard input")
      .requiredOption("--config <FILE>", "gateway.yaml: sniffers and tenants")
      .option("--out <DIR>", "where <sniffer>.pcapng are written; made when it is not there", ".")
      .option("--quarantine <FILE>", "pcapng for packets of no tenant, as they came; mode 0600"),
  );
  return command
    .option(
      "--as-delivered",
      "write what each sniffer's wire would carry: rewritten, its share, within its rate",
    )
    .option("--comments", "write what the tunnel headers said into packet comments")
    .option("--json", "the report as one JSON document")
    .option("-q, --quiet", "no report and no progress, only errors")
    .addHelpText("after", EXAMPLES)
    .action(decap);
}

async function decap(inputs: string[], flags: DecapFlags): Promise<void> {
  if (flags.asDelivered && flags.comments) {
    throw new SpangateError(
      "USAGE",
      "--as-delivered and --comments exclude each other: what a sniffer's wire carries has no comments.",
    );
  }
  const { loadConfig } = await import("../config/load.js");
  const config = await loadConfig(flags.config);
  const { join } = await import("node:path");
  const { checkPaths } = await import("./paths.js");
  const { formatOf } = await import("../capture/index.js");
  const quarantine = quarantineOf(config, flags);
  if (quarantine !== undefined) formatOf(quarantine.file);
  const sniffers = config.tenants.flatMap((tenant) => tenant.sniffers);
  const files = sniffers.map((sniffer) => join(flags.out, `${sniffer}.pcapng`));
  await checkPaths(inputs, quarantine === undefined ? files : [...files, quarantine.file]);

  const datapath = await import("../datapath/index.js");
  const { runAndReport } = await import("./capture-run.js");
  const { decapText } = await import("./report.js");
  await runAndReport({
    command: "decap",
    inputs,
    flags,
    keepOthers: false,
    toStandardOutput: quarantine?.file === "-",
    start: (onProgress) =>
      datapath.decap({
        inputs,
        config,
        engine: withFlags(datapath.engineOptions(config.decode, config.tunnel.ports), flags),
        directory: flags.out,
        asDelivered: flags.asDelivered === true,
        ...(quarantine === undefined ? {} : { quarantine }),
        comments: flags.comments === true,
        onProgress,
      }),
    text: decapText,
  });
}

function quarantineOf(config: GatewayConfig, flags: DecapFlags): { file: string; limit: number } | undefined {
  if (flags.quarantine === undefined) return config.quarantine;
  return {
    file: flags.quarantine,
    limit: config.quarantine?.limit ?? (parseSize(QUARANTINE_LIMIT) as number),
  };
}
