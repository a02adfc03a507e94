import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MessageHeader, check, close, declare, sendmsg, socket } from '../libc/index.js';
import { DescriptorReceiver, setWindowSize } from './index.js';
import { withUnixAddress } from './socket-address.js';

const libcConnect = declare<[number, Buffer, number]>('connect', 'int', ['int', 'void *', 'unsigned int']);
const ioctl = declare<[number, number, Buffer]>('ioctl', 'int', ['int', 'unsigned long', 'void *']);

let directory: string;
let path: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'berth-receiver-'));
  path = join(directory, 'console');
});

afterEach(() => {
  rmSync(directory, { recursive: true });
});

/** Hands over a descriptor as runc does: its name as data, the descriptor beside it (unix(7), cmsg(3)). */
function handOver(descriptor: number): void {
  const fd = check(socket(1, 1, 0), 'socket');
  withUnixAddress(path, (address) => check(libcConnect(fd, address, address.length), 'connect'));
  const control = Buffer.alloc(24);
  control.writeBigUInt64LE(20n, 0);
  control.writeInt32LE(1, 8);
  control.writeInt32LE(1, 12);
  control.writeInt32LE(descriptor, 16);
  const message = new MessageHeader({ vectors: [Buffer.from('/dev/ptmx')], control });
  check(sendmsg(fd, message.buffer, 0), 'sendmsg');
  close(fd);
}

describe('a receiver of descriptors', () => {
  it('gets what is handed over, which outlives it', async () => {
    const receiver = DescriptorReceiver.listen(path);
    const file = openSync('/proc/self/comm', 'r');
    handOver(file);
    const fd = await receiver.received;
    receiver.close();
    closeSync(file);
    expect(readFileSync(fd, 'utf8')).not.toBe('');
    // FD_CLOEXEC, so that no child gets it.
    expect(
      parseInt(/flags:\s+(\d+)/.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))?.[1] ?? '', 8),
    ).toSatisfy((flags: number) => (flags & 0o2000000) !== 0);
    closeSync(fd);
    expect(existsSync(path)).toBe(false);
  });

  it('refuses what is no descriptor', async () => {
    using receiver = DescriptorReceiver.listen(path);
    connect(path).end('nothing beside this');
    await expect(receiver.received).rejects.toThrow(`what came over ${path} is no descriptor`);
  });

  it('tells whoever waits when it is closed', async () => {
    const receiver = DescriptorReceiver.listen(path);
    const waiting = expect(receiver.received).rejects.toThrow(`no descriptor came over ${path}`);
    receiver.close();
    await waiting;
  });

  it('names a path that is taken', () => {
    const receiver = DescriptorReceiver.listen(path);
    expect(() => DescriptorReceiver.listen(path)).toThrow(`bind ${path}: Address already in use`);
    receiver.close();
  });
});

describe('the size of a terminal', () => {
  it('is what its programs then see', () => {
    const master = openSync('/dev/ptmx', 'r+');
    setWindowSize(master, 33, 101);
    const size = Buffer.alloc(8);
    // TIOCGWINSZ
    check(ioctl(master, 0x5413, size), 'get window size');
    expect([size.readUInt16LE(0), size.readUInt16LE(2)]).toEqual([33, 101]);
    closeSync(master);
  });

  it('is refused by what is no terminal', () => {
    const file = openSync('/dev/null', 'r');
    expect(() => setWindowSize(file, 1, 1)).toThrow(expect.objectContaining({ errno: 'ENOTTY' }));
    closeSync(file);
  });
});
