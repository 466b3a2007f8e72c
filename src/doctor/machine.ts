// The machine: its kernel, what a gateway may do here, lock and open, processors.

import { availableParallelism, release } from "node:os";
import type { LiveGatewayConfig } from "../config/schema.js";
import { type Capability, xdpSupport } from "../linux/index.js";
import { bad, type Finding, ok, warn, word } from "./finding.js";
import type { Start } from "./start.js";
import { dropIn, type Unit } from "./unit.js";

/** A program on a link of its own (bpf_link), which is gone with the process. */
const XDP_LINKS = [5, 9] as const;
/** Of frames that lie over two pages (XDP_UMEM_UNALIGNED_CHUNK_FLAG). */
const UNALIGNED = [5, 4] as const;
/** Frames of several buffers: MTUs above a page. */
const FRAGMENTS = [5, 18] as const;
const NEEDED: readonly Capability[] = ["NET_ADMIN", "NET_RAW", "BPF", "PERFMON"];
/** Bytes of frame memory and rings of a worker, roughly. */
const LOCKED = 128 * 2 ** 20;
/** Descriptors of the main thread with some dozens of requests, and of a worker. */
const FILES = 128;
const FILES_OF_WORKER = 32;
/** As the unit has it that comes with Spangate. */
const USUAL_FILES = 65_536;

/** @param version of the kernel, as `uname -r` has it */
export function kernelFindings(version = release(), support = xdpSupport()): Finding[] {
  const check = "kernel";
  const since = ([major, minor]: readonly [number, number]) => !isBefore(version, major, minor);
  if (!support.sockets)
    return [
      warn(
        check,
        `Linux ${version} has no AF_XDP sockets (CONFIG_XDP_SOCKETS): packets come by AF_PACKET, at less than half the rate`,
      ),
    ];
  if (!since(XDP_LINKS) || !since(UNALIGNED))
    return [
      warn(
        check,
        `Linux ${version} is older than ${XDP_LINKS.join(".")}: AF_XDP does not work here, and packets come by AF_PACKET`,
      ),
    ];
  if (!since(FRAGMENTS))
    return [
      warn(
        check,
        `Linux ${version} has AF_XDP; frames of several buffers it has since ${FRAGMENTS.join(".")}`,
      ),
    ];
  return [
    ok(check, `Linux ${version} has AF_XDP, bpf links, unaligned chunks and frames of several buffers`),
  ];
}

function isBefore(version: string, major: number, minor: number): boolean {
  const [first = 0, second = 0] = version.split(/[.-]/).map(Number);
  return first < major || (first === major && second < minor);
}

/** @param file for the command to try again with */
export function privilegeFindings(
  config: LiveGatewayConfig | undefined,
  file: string | undefined,
  { unit, capabilities }: Start,
): Finding[] {
  const check = "capabilities";
  const needed = neededBy(config, unit);
  const lacking = needed.filter((name) => !capabilities.includes(name));
  if (needed.length === 0) return [ok(check, "between UDP sockets none is needed")];
  const who = unit?.name ?? "this process";
  if (lacking.length === 0) return [ok(check, `${who} has ${needed.join(", ")}`)];
  const text = `${who} lacks ${lacking.join(", ")}, which \`run\` takes at its start`;
  return [bad(check, text, unit === undefined ? again(file) : granting(unit, lacking))];
}

/** What a process that may less than a gateway does not see. */
export function visitorFindings(file: string | undefined, { unit }: Start): Finding[] {
  if (unit === undefined || process.geteuid!() === 0) return [];
  return [warn("root", "this process is not root's, and does not see all that is looked at", again(file))];
}

function again(file: string | undefined): string {
  return ["sudo", "spangate", "doctor", ...(file === undefined ? [] : [word(file)])].join(" ");
}

/** Settings of several lines are added up (systemd.exec(5)). */
function granting(unit: Unit, lacking: readonly Capability[]): string {
  const names = lacking.map((name) => `CAP_${name}`).join(" ");
  const isRoot = unit.user === undefined || unit.user === "root";
  const bounding = `CapabilityBoundingSet=${names}`;
  return dropIn(unit, ...(isRoot ? [bounding] : [bounding, `AmbientCapabilities=${names}`]));
}

/** A shell's root has everything; a unit leaves it what it says, and the change of user takes some of it. */
function neededBy(config: LiveGatewayConfig | undefined, unit: Unit | undefined): readonly Capability[] {
  if (config === undefined) return NEEDED;
  const { tunnel, delivery, user, api, sniffers, quarantine } = config;
  if (tunnel.backend === "udp" && delivery.backend === "udp" && !sniffers.some(isTap)) return [];
  if (unit === undefined || user === undefined || user === unit.user) return NEEDED;
  // Its socket and its files become the user's.
  const gives =
    api !== undefined || quarantine !== undefined || sniffers.some(({ deliver }) => deliver === "pcap");
  return [...NEEDED, "SETUID", "SETGID", ...(gives ? (["CHOWN"] as const) : [])];
}

const isTap = ({ deliver }: LiveGatewayConfig["sniffers"][number]) => deliver === "tap";

export function memlockFindings({ unit, capabilities, memlock }: Start): Finding[] {
  const check = "locked memory";
  const of = unit === undefined ? "" : ` of ${unit.name}`;
  if (memlock === Number.POSITIVE_INFINITY)
    return [ok(check, `there is no limit${unit === undefined ? "" : ` for ${unit.name}`}`)];
  if (capabilities.includes("IPC_LOCK"))
    return [ok(check, `the limit${of}, ${memlock} bytes, does not count with IPC_LOCK`)];
  if (memlock >= LOCKED) return [ok(check, `the limit${of} is ${memlock} bytes`)];
  const text = `the limit${of} is ${memlock} bytes that may be locked, and a worker locks some ${LOCKED}`;
  const mend = unit === undefined ? "ulimit -l unlimited" : dropIn(unit, "LimitMEMLOCK=infinity");
  return [bad(check, text, mend)];
}

/** A descriptor each, all of the time: of sniffers, and of the rings, sockets, programs and events of a worker. */
export function openFileFindings(
  { tunnel: { queues }, sniffers }: LiveGatewayConfig,
  { unit, files }: Start,
): Finding[] {
  const check = "open files";
  const sinks = sniffers.filter(({ deliver }) => deliver === "tap" || deliver === "pcap").length;
  const wanted = FILES + queues * (FILES_OF_WORKER + sinks);
  const of = unit === undefined ? "" : ` of ${unit.name}`;
  if (files >= wanted) return [ok(check, `the limit${of} is ${files}, of which about ${wanted} are wanted`)];
  const text = `the limit${of} is ${files} files at a time, and about ${wanted} are wanted`;
  const enough = Math.max(USUAL_FILES, 2 ** Math.ceil(Math.log2(wanted)));
  const mend = unit === undefined ? `ulimit -n ${enough}` : dropIn(unit, `LimitNOFILE=${enough}`);
  return [bad(check, text, mend)];
}

export function processorFindings(
  { tunnel }: LiveGatewayConfig,
  processors = availableParallelism(),
): Finding[] {
  const check = "processors";
  const { queues } = tunnel;
  const workers = queues === 1 ? "one worker" : `${queues} workers`;
  const there = processors === 1 ? "one processor" : `${processors} processors`;
  if (queues > processors)
    return [warn(check, `${workers} share ${there}: more than one each does not make it faster`)];
  if (queues === processors)
    return [warn(check, `${workers} for ${there}: nothing is left for the kernel's part of receiving`)];
  return [ok(check, `${workers} for ${there}`)];
}
