import { addressOf } from './declare.js';

/** sizeof(struct msghdr) and sizeof(struct iovec) on 64-bit Linux (include/linux/socket.h, include/uapi/linux/uio.h). */
const MSGHDR_SIZE = 56;
const IOVEC_SIZE = 16;

/** Offset of msg_controllen in struct msghdr, which recvmsg(2) updates. */
const CONTROL_LENGTH_OFFSET = 40;
const FLAGS_OFFSET = 48;

export interface MessageParts {
  /** The peer's socket address. */
  readonly name?: Buffer;
  readonly vectors: readonly Buffer[];
  /** Ancillary data, struct cmsghdr and what follows. */
  readonly control?: Buffer;
}

/** A struct msghdr for sendmsg(2) and recvmsg(2) over Buffers, which it keeps alive. */
export class MessageHeader {
  readonly buffer = Buffer.alloc(MSGHDR_SIZE);
  readonly parts: MessageParts;
  readonly #vectors: Buffer;

  constructor(parts: MessageParts) {
    this.parts = parts;
    this.#vectors = Buffer.alloc(IOVEC_SIZE * parts.vectors.length);
    parts.vectors.forEach((vector, i) => {
      this.#vectors.writeBigUInt64LE(vector.length > 0 ? addressOf(vector) : 0n, i * IOVEC_SIZE);
      this.#vectors.writeBigUInt64LE(BigInt(vector.length), i * IOVEC_SIZE + 8);
    });
    if (parts.name !== undefined) {
      this.buffer.writeBigUInt64LE(addressOf(parts.name), 0);
      this.buffer.writeUInt32LE(parts.name.length, 8);
    }
    this.buffer.writeBigUInt64LE(addressOf(this.#vectors), 16);
    this.buffer.writeBigUInt64LE(BigInt(parts.vectors.length), 24);
    if (parts.control !== undefined) {
      this.buffer.writeBigUInt64LE(addressOf(parts.control), 32);
      this.buffer.writeBigUInt64LE(BigInt(parts.control.length), CONTROL_LENGTH_OFFSET);
    }
  }

  /** How many bytes of `control` the last recvmsg(2) filled. */
  get controlLength(): number {
    return Number(this.buffer.readBigUInt64LE(CONTROL_LENGTH_OFFSET));
  }

  /** msg_flags of the last recvmsg(2): MSG_TRUNC (0x20), MSG_CTRUNC (0x8). */
  get flags(): number {
    return this.buffer.readInt32LE(FLAGS_OFFSET);
  }
}
