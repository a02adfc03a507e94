import { mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { KernelError, isErrno } from '../errors.js';
import { check, close, errnoName, errnoNumber } from './index.js';

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
});
