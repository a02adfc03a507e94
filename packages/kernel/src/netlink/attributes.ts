import { BerthError } from '@berth/core';

/** NLA_ALIGNTO and NLA_HDRLEN of include/uapi/linux/netlink.h. */
const ALIGNMENT = 4;
const HEADER_LENGTH = 4;
/** nla_len of struct nlattr is 16 bits wide. */
const MAX_LENGTH = 0xffff;
/** NLA_F_NESTED (include/uapi/linux/netlink.h). */
const NESTED = 0x8000;

/** NLMSG_ALIGN, NLA_ALIGN: the next multiple of four. */
export const align = (length: number): number => (length + ALIGNMENT - 1) & ~(ALIGNMENT - 1);

/**
 * Writes a fixed header and attributes into one growing buffer. Lengths and padding are its business.
 * Integers are little-endian, as on the machines that Berth runs on (x86-64, arm64); `beU16` and `beU32` serve
 * the families that use network order (nfnetlink).
 */
export class AttributeWriter {
  #buffer: Buffer;
  #length = 0;

  constructor(capacity = 512) {
    this.#buffer = Buffer.alloc(capacity);
  }

  /** What has been written; valid until the next write. */
  get bytes(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }

  get length(): number {
    return this.#length;
  }

  /** Appends bytes that are no attribute (a header), and pads to four. */
  raw(bytes: Uint8Array): this {
    const at = this.#grow(align(bytes.length));
    this.#buffer.set(bytes, at);
    return this;
  }

  u8(type: number, value: number): this {
    const at = this.#attribute(type, 1);
    this.#buffer.writeUInt8(value, at);
    return this;
  }

  u16(type: number, value: number): this {
    const at = this.#attribute(type, 2);
    this.#buffer.writeUInt16LE(value, at);
    return this;
  }

  u32(type: number, value: number): this {
    const at = this.#attribute(type, 4);
    this.#buffer.writeUInt32LE(value >>> 0, at);
    return this;
  }

  i32(type: number, value: number): this {
    const at = this.#attribute(type, 4);
    this.#buffer.writeInt32LE(value, at);
    return this;
  }

  u64(type: number, value: bigint): this {
    const at = this.#attribute(type, 8);
    this.#buffer.writeBigUInt64LE(value, at);
    return this;
  }

  beU16(type: number, value: number): this {
    const at = this.#attribute(type, 2);
    this.#buffer.writeUInt16BE(value, at);
    return this;
  }

  beU32(type: number, value: number): this {
    const at = this.#attribute(type, 4);
    this.#buffer.writeUInt32BE(value >>> 0, at);
    return this;
  }

  beU64(type: number, value: bigint): this {
    const at = this.#attribute(type, 8);
    this.#buffer.writeBigUInt64BE(value, at);
    return this;
  }

  /** A string with its terminating zero. */
  string(type: number, value: string): this {
    const bytes = Buffer.byteLength(value);
    const at = this.#attribute(type, bytes + 1);
    this.#buffer.write(value, at, bytes, 'utf8');
    return this;
  }

  /** An attribute whose presence is its value. */
  flag(type: number): this {
    this.#attribute(type, 0);
    return this;
  }

  bytesOf(type: number, value: Uint8Array): this {
    const at = this.#attribute(type, value.length);
    this.#buffer.set(value, at);
    return this;
  }

  /** An attribute that holds what `write` writes. */
  nested(type: number, write: (writer: this) => void): this {
    const start = this.#length;
    this.#attribute(type | NESTED, 0);
    write(this);
    this.#buffer.writeUInt16LE(fitting(type, this.#length - start), start);
    return this;
  }

  /** Room for a header and a payload of `length`; returns where the payload begins. The buffer may be another one after it. */
  #attribute(type: number, length: number): number {
    const size = fitting(type, HEADER_LENGTH + length);
    const at = this.#grow(align(size));
    this.#buffer.writeUInt16LE(size, at);
    this.#buffer.writeUInt16LE(type, at + 2);
    return at + HEADER_LENGTH;
  }

  #grow(bytes: number): number {
    const at = this.#length;
    this.#length += bytes;
    if (this.#length > this.#buffer.length) {
      const larger = Buffer.alloc(Math.max(this.#length, this.#buffer.length * 2));
      this.#buffer.copy(larger);
      this.#buffer = larger;
    }
    return at;
  }
}

/** @throws BerthError `invalid` for a length that an attribute cannot have */
function fitting(type: number, length: number): number {
  if (length <= MAX_LENGTH) return length;
  throw new BerthError(
    'invalid',
    `netlink attribute ${type & ~NESTED} of ${length} bytes: it can have ${MAX_LENGTH} at most`,
  );
}
