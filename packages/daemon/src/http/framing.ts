/** Bytes of the header before each piece of output. */
export const FRAME_HEADER = 8;

const STREAM_NUMBER = { stdin: 0, stdout: 1, stderr: 2 } as const;

/**
 * A piece of output as the Engine API multiplexes it (ContainerAttach, "Stream format"): one byte for the stream, three
 * zero bytes, the payload's length as a big-endian 32-bit number, the payload.
 */
export function frame(stream: keyof typeof STREAM_NUMBER, payload: Buffer): Buffer {
  const framed = Buffer.allocUnsafe(FRAME_HEADER + payload.length);
  framed.writeUInt32BE(STREAM_NUMBER[stream] * 0x1000000, 0);
  framed.writeUInt32BE(payload.length, 4);
  payload.copy(framed, FRAME_HEADER);
  return framed;
}

export const RAW_STREAM = 'application/vnd.docker.raw-stream';
export const MULTIPLEXED_STREAM = 'application/vnd.docker.multiplexed-stream';
