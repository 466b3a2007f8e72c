// `writeFrames` where there is no operating system.
import { type CaptureOptions, encodeFrames, type Frames, type FrameToWrite } from "./encode-frames.js";
import { ioFailed } from "./source.js";

/**
 * Writes a capture of `frames` into a web stream, and closes it. Resolves to the bytes written.
 *
 * Throws `OUTPUT_LINK_TYPE` when the format is pcap and the frames are of two link types, `IO_FAILED` when the stream fails, and
 * what `frames` throws; the stream is aborted then.
 */
export async function writeFrames(
  frames: Frames<FrameToWrite>,
  target: WritableStream<Uint8Array>,
  options: CaptureOptions = {},
): Promise<number> {
  const writer = target.getWriter();
  const failed = (error: unknown) => {
    throw ioFailed("write", "the stream", error);
  };
  let bytes = 0;
  try {
    for await (const piece of encodeFrames(frames, options)) {
      bytes += piece.length;
      await writer.write(piece).catch(failed);
    }
    await writer.close().catch(failed);
  } catch (error) {
    await writer.abort(error).catch(() => {}); // one that failed by itself says so once more
    throw error;
  }
  return bytes;
}
