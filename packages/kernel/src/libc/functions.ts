import { declare } from './declare.js';

/** close(2). A descriptor is gone even when close reports EINTR, so that it is never closed twice. */
export const close = declare<[fd: number]>('close', 'int', ['int'], { again: false });

export const socket = declare<[domain: number, type: number, protocol: number]>('socket', 'int', [
  'int',
  'int',
  'int',
]);

export const bind = declare<[fd: number, address: Buffer, length: number]>('bind', 'int', [
  'int',
  'void *',
  'unsigned int',
]);

/** getsockname(2); `length` is a socklen_t, in and out. */
export const getsockname = declare<[fd: number, address: Buffer, length: Buffer]>('getsockname', 'int', [
  'int',
  'void *',
  'void *',
]);

export const setsockopt = declare<[fd: number, level: number, name: number, value: Buffer, length: number]>(
  'setsockopt',
  'int',
  ['int', 'int', 'int', 'void *', 'unsigned int'],
);

export const send = declare<[fd: number, data: Buffer, length: number, flags: number]>('send', 'long', [
  'int',
  'void *',
  'unsigned long',
  'int',
]);

export const recv = declare<[fd: number, data: Buffer, length: number, flags: number]>('recv', 'long', [
  'int',
  'void *',
  'unsigned long',
  'int',
]);

export const setns = declare<[fd: number, type: number]>('setns', 'int', ['int', 'int']);

export const unshare = declare<[flags: number]>('unshare', 'int', ['int']);

export const mount = declare<
  [source: string | null, target: string, type: string | null, flags: number, data: string | null]
>('mount', 'int', ['const char *', 'const char *', 'const char *', 'unsigned long', 'const char *']);

export const umount2 = declare<[target: string, flags: number]>('umount2', 'int', ['const char *', 'int']);
