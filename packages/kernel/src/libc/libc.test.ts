import { mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { KernelError, isErrno } from '../errors.js';
import { check, close, errnoName, errnoNumber, MessageHeader, recvmsg, sendmsg, declare } from './index.js';

const socketpair = declare<[number, number, number, Buffer]>('socketpair', 'int', [
  'int',
  'int',
  'int',
  'void *',
]);

describe('libc', () => {
  it('returns -errno as the kernel does, and check makes it an error', async () => {
    expect(close(-1)).toBe(-errnoNumber('EBADF'));
    expect(await close.async(-1)).toBe(-errnoNumber('EBADF'));
    let thrown: unknown;
    try {
      check(close(-1), 'close', 'nothing');
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(KernelError);
    expect(isErrno(thrown, 'EBADF')).toBe(true);
    expect(isErrno(thrown, 'ENOENT')).toBe(false);
    expect(thrown).toMatchObject({ code: 'internal', message: 'close nothing: Bad file descriptor' });
  });

  it('closes what it is given', () => {
    const directory = mkdtempSync(join(tmpdir(), 'berth-libc-'));
    const fd = openSync(join(directory, 'file'), 'w');
    expect(close(fd)).toBe(0);
    expect(close(fd)).toBe(-errnoNumber('EBADF'));
    rmSync(directory, { recursive: true });
  });

  it('knows every error name that the kernel has by number', () => {
    expect(errnoName(17)).toBe('EEXIST');
    expect(errnoName(4095)).toBe('EIO');
    expect(new KernelError('EEXIST', { op: 'add link', subject: 'a', extack: 'no' })).toMatchObject({
      code: 'conflict',
      message: 'add link a: File exists (no)',
    });
  });

  it('passes scattered data and descriptors through a message header', () => {
    const pair = Buffer.alloc(8);
    check(socketpair(1, 5 /* SOCK_SEQPACKET */, 0, pair), 'socketpair');
    const [left, right] = [pair.readInt32LE(0), pair.readInt32LE(4)];
    // struct cmsghdr { size_t len = 20; int level = SOL_SOCKET; int type = SCM_RIGHTS; } + one descriptor
    const control = Buffer.alloc(24);
    control.writeBigUInt64LE(20n, 0);
    control.writeInt32LE(1, 8);
    control.writeInt32LE(1, 12);
    const file = openSync('/proc/self/comm', 'r');
    control.writeInt32LE(file, 16);
    const sent = new MessageHeader({ vectors: [Buffer.from('ab'), Buffer.from('cd')], control });
    expect(check(sendmsg(left, sent.buffer, 0), 'sendmsg')).toBe(4);
    const data = Buffer.alloc(8);
    const received = new MessageHeader({ vectors: [data], control: Buffer.alloc(64) });
    expect(check(recvmsg(right, received.buffer, 0), 'recvmsg')).toBe(4);
    expect(data.toString('latin1', 0, 4)).toBe('abcd');
    expect(received.flags).toBe(0);
    expect(received.controlLength).toBeGreaterThanOrEqual(20);
    const passed = received.parts.control?.readInt32LE(16) ?? -1;
    expect(readFileSync(passed, 'utf8')).not.toBe('');
    for (const fd of [file, passed, left, right]) expect(close(fd)).toBe(0);
  });
});
