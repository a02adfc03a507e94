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
  #pending: Buffer = Buffer.alloc(0);

  /** @param limit bytes of the longest message that is taken */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** @returns the messages that are complete now, or undefined if one is announced that is above the limit */
  push(chunk: Buffer): Buffer[] | undefined {
    const data = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
    const messages: Buffer[] = [];
    let at = 0;
    while (data.length - at >= 2) {
      const length = data.readUInt16BE(at);
      if (length > this.#limit) return undefined;
      if (data.length - at - 2 < length) break;
      messages.push(data.subarray(at + 2, at + 2 + length));
      at += 2 + length;
    }
    // A copy, so that the few bytes left over don't keep the whole chunk.
    this.#pending = Buffer.from(data.subarray(at));
    return messages;
  }
}
