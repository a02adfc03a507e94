/** A message over TCP with its two-byte length before it, RFC 1035 section 4.2.2. */
export function frame(message: Buffer): Buffer {
  const framed = Buffer.allocUnsafe(2 + message.length);
  framed.writeUInt16BE(message.length, 0);
  message.copy(framed, 2);
  return framed;
}

/** Puts messages together from what a TCP connection delivers. */
export class FrameReader {
  readonly #limit: number;
  #data: Buffer = Buffer.alloc(0);

  /** @param limit bytes of the longest message that is taken */
  constructor(limit: number) {
    this.#limit = limit;
  }

  push(chunk: Buffer): void {
    this.#data = this.#data.length === 0 ? chunk : Buffer.concat([this.#data, chunk]);
  }

  /** The next message, or why there is none: its end has not come yet, or it is announced above the limit. */
  next(): Buffer | 'incomplete' | 'too-long' {
    const data = this.#data;
    if (data.length < 2) return 'incomplete';
    const end = 2 + data.readUInt16BE(0);
    if (end - 2 > this.#limit) return 'too-long';
    if (data.length < end) return 'incomplete';
    this.#data = data.subarray(end);
    return data.subarray(2, end);
  }
}
