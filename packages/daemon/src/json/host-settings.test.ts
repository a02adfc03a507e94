import type { Container } from '@berth/engine';
import { describe, expect, it } from 'vitest';
import { hostConfig } from './host-config-inspect.js';
import { hostSpec } from './host-config.js';
import { changedResources } from './resources.js';

/** One value for every field, in Docker's shape. */
const ASKED = {
  ...{ Privileged: false, CapAdd: ['CAP_NET_ADMIN'], CapDrop: ['CAP_CHOWN'], ReadonlyRootfs: true },
  ...{ ShmSize: 1024, Sysctls: { 'net.a': '1' }, CgroupParent: '/parent', Init: true, GroupAdd: ['audio'] },
  ...{
    Tmpfs: { '/run': 'size=1m' },
    SecurityOpt: ['no-new-privileges'],
    MaskedPaths: [],
    ReadonlyPaths: ['/x'],
  },
  ...{ PidMode: 'host', IpcMode: 'shareable', UTSMode: 'host', CgroupnsMode: 'private', UsernsMode: 'host' },
  ...{
    OomScoreAdj: 5,
    Annotations: { a: 'b' },
    CpuShares: 2,
    Memory: 8388608,
    NanoCpus: 5e8,
    BlkioWeight: 20,
  },
  ...{ CpuPeriod: 1000, CpuQuota: 2000, CpuRealtimePeriod: 3000, CpuRealtimeRuntime: 2000, CpusetCpus: '0' },
  ...{
    CpusetMems: '0',
    MemoryReservation: 7000000,
    MemorySwap: -1,
    MemorySwappiness: 0,
    OomKillDisable: false,
  },
  ...{ PidsLimit: 9, DeviceCgroupRules: ['c 1:1 r'], Ulimits: [{ Name: 'core', Soft: 0, Hard: -1 }] },
  BlkioWeightDevice: [{ Path: '/dev/sda', Weight: 10 }],
  BlkioDeviceReadBps: [{ Path: '/dev/sda', Rate: 1 }],
  BlkioDeviceWriteBps: [{ Path: '/dev/sda', Rate: 2 }],
  BlkioDeviceReadIOps: [{ Path: '/dev/sda', Rate: 3 }],
  BlkioDeviceWriteIOps: [{ Path: '/dev/sda', Rate: 4 }],
  Devices: [{ PathOnHost: '/dev/fuse', PathInContainer: '/dev/fuse', CgroupPermissions: 'rw' }],
};

const shown = (asked: Parameters<typeof hostSpec>[0]) =>
  hostConfig({ spec: { host: hostSpec(asked) }, networkMode: 'bridge' } as Container, 100);

describe('HostConfig', () => {
  it('is shown as it was asked for', () => {
    expect(shown(ASKED)).toMatchObject(ASKED);
  });

  it('has the values of Docker where nothing was asked for', () => {
    const nothing = {
      MemorySwappiness: -1,
      PidsLimit: 0,
      Memory: 0,
      IpcMode: '',
      MaskedPaths: null,
      Ulimits: [],
    };
    expect(shown(nothing)).toMatchObject({
      ...{
        Memory: 0,
        MemorySwappiness: null,
        PidsLimit: null,
        IpcMode: 'private',
        PidMode: '',
        ShmSize: 67108864,
      },
      ...{ SecurityOpt: null, Devices: [], Ulimits: null, Runtime: 'runc', Isolation: '' },
    });
    expect(hostSpec(nothing, '1.39').ipcMode).toBe('shareable');
    expect(shown(nothing).MaskedPaths).toContain('/proc/kcore');
    expect(shown({ Privileged: true }).MaskedPaths).toBeNull();
    expect(shown(nothing)).not.toHaveProperty('Init');
    expect(shown(nothing)).not.toHaveProperty('Tmpfs');
  });
});

describe('changedResources', () => {
  it('leaves alone what is zero, except for processes', () => {
    expect(changedResources({ Memory: 0, CpusetCpus: '', CpuShares: null })).toEqual({});
    expect(changedResources({ PidsLimit: 0, CpuShares: 5 })).toEqual({ pidsLimit: 0, cpuShares: 5 });
    expect(changedResources({ PidsLimit: -1 })).toEqual({ pidsLimit: 0 });
  });
});
