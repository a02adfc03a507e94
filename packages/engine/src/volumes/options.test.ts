import { describe, expect, it } from 'vitest';
import { checkVolumeOptions, mountOptions, volumeMount, withoutPassword } from './options.js';

describe('options of mount(8)', () => {
  it('are flags, or left to the file system', () => {
    expect(mountOptions('ro,nosuid,size=1m,noatime,mode=0700')).toEqual({
      flags: ['readOnly', 'noSuid', 'noAccessTime'],
      data: 'size=1m,mode=0700',
    });
    expect(mountOptions('rbind,ro,rw,defaults,,')).toEqual({ flags: ['bind', 'recursive'], data: '' });
    expect(mountOptions('constructor,__proto__')).toEqual({ flags: [], data: 'constructor,__proto__' });
  });

  it('name a server by its address', async () => {
    const request = (o: string, type = 'nfs') => volumeMount({ type, device: ':/export', o }, '/target');
    expect(await request('addr=192.0.2.1,vers=4,ro')).toEqual({
      ...{ source: ':/export', target: '/target', type: 'nfs' },
      ...{ flags: ['readOnly'], data: 'addr=192.0.2.1,vers=4' },
    });
    expect((await request('vers=4,addr=localhost')).data).toMatch(/^vers=4,addr=(127\.0\.0\.1|::1)$/);
    expect((await request('addr=localhost', 'tmpfs')).data).toBe('addr=localhost');
    await expect(request('addr=no.such.host.invalid')).rejects.toThrow(
      'error resolving passed in network volume address: no.such.host.invalid',
    );
  });

  it('are told without passwords', () => {
    expect(withoutPassword('user=me,password=secret,ro')).toBe('user=me,password=********,ro');
  });

  it('are no longer than the kernel takes, and no more than one string', () => {
    const check = (o: string) => () => checkVolumeOptions('v', { type: 'tmpfs', device: 'tmpfs', o });
    expect(check('x'.repeat(4095))).not.toThrow();
    expect(check('x'.repeat(4096))).toThrow('create v: option "o" is too long');
    expect(check('a\0b')).toThrow('holds a zero byte');
  });
});
