// spangate strip: every tunnel packet out of its tunnel, into one file.

import { type Command, Option } from "commander";
import type { ReportFlags } from "./capture-run.js";
import { addDecodeFlags, type DecodeFlags, withFlags } from "./decode-flags.js";
import { integer } from "./values.js";

interface StripFlags extends DecodeFlags, ReportFlags {
  readonly write: string;
  readonly keepOthers?: boolean;
  readonly session?: number;
  readonly vni?: number;
  readonly comments?: boolean;
}

const EXAMPLES = `
Examples:
  $ spangate strip mirror.pcap -w clean.pcapng
        every mirrored packet without its tunnel; each mirror session an interface of its own
  $ tcpdump -i eth0 -w - 'proto 47 or udp port 4789' | spangate strip - -w - | zeek -r -
        the same, live, between other tools
  $ spangate strip day-*.pcap.gz -w 100.pcapng --session 100 --comments
        one ERSPAN session out of many files, with what the tunnel said as packet comments
  $ spangate strip nested.pcap -w inner.pcap --depth 2
        VXLAN within ERSPAN: both taken off

Exit code: 0 done, 1 failed while running, 2 wrong usage.`;

export function stripCommand(command: Command): Command {
  addDecodeFlags(
    command
      .description("take every tunnel packet out of its tunnel")
      .argument("<IN...>", "captures: pcap or pcapng, plain or in gzip; - is standard input")
      .requiredOption("-w, --write <OUT>", "what to write: .pcapng, .pcap, or - for standard output"),
  );
  return command
    .addOption(
      new Option("--session <N>", "only this ERSPAN session, 0 to 1023; others are `filtered`").argParser(
        integer(0, 1023),
      ),
    )
    .addOption(
      new Option("--vni <N>", "only this virtual network, 0 to 16777215; others are `filtered`").argParser(
        integer(0, 0xff_ffff),
      ),
    )
    .option("--keep-others", "packets in no tunnel go to OUT as they are")
    .option("--comments", "write what the tunnel headers said into packet comments (pcapng)")
    .option("--json", "the report as one JSON document")
    .option("-q, --quiet", "no report and no progress, only errors")
    .addHelpText("after", EXAMPLES)
    .action(strip);
}

async function strip(inputs: string[], flags: StripFlags): Promise<void> {
  const { checkPaths } = await import("./paths.js");
  const { formatOf } = await import("../capture/index.js");
  formatOf(flags.write);
  await checkPaths(inputs, [flags.write]);
  const { DEFAULT_OPTIONS } = await import("../engine/index.js");
  const datapath = await import("../datapath/strip.js");
  const { runAndReport } = await import("./capture-run.js");
  const { stripText } = await import("./report.js");
  const { session, vni } = flags;
  const filter = { ...(session === undefined ? {} : { session }), ...(vni === undefined ? {} : { vni }) };
  const keepOthers = flags.keepOthers === true;
  await runAndReport({
    command: "strip",
    inputs,
    flags,
    keepOthers,
    toStandardOutput: flags.write === "-",
    start: (onProgress) =>
      datapath.strip({
        inputs,
        output: flags.write,
        engine: { ...withFlags(DEFAULT_OPTIONS, flags), filter },
        keepOthers,
        comments: flags.comments === true,
        onProgress,
      }),
    text: (report, style) => stripText(report, { keepOthers }, style),
  });
}
