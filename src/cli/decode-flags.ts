// The flags that say how tunnels are taken off, the same for every command that reads captures. Without a flag the
// configuration's word counts, or where there is none the engine's default.

import { type Command, Option } from "commander";
import type { DecodeOptions, EngineOptions } from "../engine/index.js";
import { integer, type PortFlags, port, withPorts } from "./values.js";

/** What was given on the command line. */
export interface DecodeFlags {
  readonly depth?: number;
  readonly restoreVlan?: DecodeOptions["restoreVlan"];
  readonly checksums?: DecodeOptions["checksums"];
  readonly sequenceScope?: DecodeOptions["sequenceScope"];
  readonly lenient?: boolean;
  readonly time?: EngineOptions["time"];
  readonly port?: PortFlags;
}

export function addDecodeFlags(command: Command): Command {
  const choice = (flags: string, description: string, words: readonly string[]) =>
    new Option(flags, description).choices(words);
  return command
    .addOption(
      new Option("--depth <N>", "take off up to N tunnel layers, 1 to 8 (1)").argParser(integer(1, 8)),
    )
    .addOption(
      choice(
        "--restore-vlan <auto|always|never>",
        "put the tag in an ERSPAN header back into the frame (auto)",
        ["auto", "always", "never"],
      ),
    )
    .addOption(
      choice("--checksums <verify|ignore>", "what to do about outer IPv4 and GRE checksums (verify)", [
        "verify",
        "ignore",
      ]),
    )
    .addOption(
      choice(
        "--sequence-scope <session|tunnel>",
        "what GRE sequence numbers count; Open vSwitch: tunnel (session)",
        ["session", "tunnel"],
      ),
    )
    .addOption(
      choice("--time <capture|mirror>", "times of packets: of the capture, or ERSPAN III's (capture)", [
        "capture",
        "mirror",
      ]),
    )
    .addOption(new Option("--lenient", "deliver packets with an unknown critical GENEVE option"))
    .addOption(
      new Option(
        "--port <tunnel=port>",
        "a UDP port of vxlan, vxlan-gpe, geneve, tzsp, hp-erm or gre-udp; repeatable",
      ).argParser(port),
    );
}

/** An engine's options: `base`, and over it what was given. */
export function withFlags(
  base: Pick<EngineOptions, "decode" | "ports">,
  flags: DecodeFlags,
): Pick<EngineOptions, "decode" | "ports" | "time"> {
  const { depth, restoreVlan, checksums, sequenceScope, lenient } = flags;
  return {
    decode: {
      ...base.decode,
      ...(depth === undefined ? {} : { depth }),
      ...(restoreVlan === undefined ? {} : { restoreVlan }),
      ...(checksums === undefined ? {} : { checksums }),
      ...(sequenceScope === undefined ? {} : { sequenceScope }),
      ...(lenient === undefined ? {} : { lenient }),
    },
    ports: withPorts(base.ports, flags.port),
    time: flags.time ?? "capture",
  };
}
