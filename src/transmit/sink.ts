// Where a sniffer's frames go when a sender's thread empties its queue: the one thing that a network interface, a TAP interface and files
// are to that thread.

/** Frames that wait to be sent, in linear memory; number 0 is the next one. Of the engine's `OutgoingQueue` what sinks ask. */
export interface WaitingFrames {
  /** Offset in linear memory. */
  address(i: number): number;
  /** Bytes. */
  length(i: number): number;
  /** Number of the worker it came by, and of its mirror session there; -1: of none that is known. */
  readonly worker: number;
  session(i: number): number;
  sessionName(i: number): string;
  /** Of a frame that is kept as it came (LINKTYPE_* of the pcap registry). */
  linkType(i: number): number;
  /** As a pcapng block of interface number `id`, between `to` and `limit` in linear memory. Gives its end, or 0: it does not fit. */
  encode(i: number, id: number, to: number, limit: number): number;
}

/** Why a sink took less than it was given. */
export const STOPPED = {
  /** It takes none of them now. */
  blocked: 0,
  /** The one behind those that it took can never be sent. */
  refused: 1,
} as const;

export interface Sink {
  /** Takes the first of `count` frames. Gives how many; what kept it from the next one is in `stopped`. */
  send(frames: WaitingFrames, count: number): number;
  readonly stopped: (typeof STOPPED)[keyof typeof STOPPED];
  /** Ready to be written to when it takes frames again; -1: only time tells. */
  readonly fd: number;
  /** After so many milliseconds it is worth trying again. */
  readonly patience: number;
  /** What it has taken is complete. */
  close(): void;
}

/** What a sink has to say to people. */
export interface SinkTalk {
  /** What is wrong from now on, in a line; undefined: nothing any more. */
  trouble(text: string | undefined): void;
  /** Once, and nothing is wrong. */
  remark(text: string): void;
  /** The gateway has to end. */
  fatal(error: Error): void;
}

/** Linear memory as a sink has it. */
export interface SinkMemory {
  readonly u8: Uint8Array;
  readonly u32: Uint32Array;
  /** Where it begins in this process. */
  readonly base: number;
}
