import type { Volume } from '@berth/engine';
import { describe, expect, it } from 'vitest';
import { filterVolumes, mountRequest, mountSpecs, volumeJson, volumeSpec } from './volumes.js';

const volume = (name: string, more: Partial<Volume> = {}): Volume => ({
  ...{ name, created: '2026-01-01T00:00:00Z', driver: 'local', mountpoint: `/v/${name}/_data` },
  ...{ options: {}, labels: {}, users: [] },
  ...more,
});

describe('volumes', () => {
  it('are shown as Docker shows them', () => {
    expect(volumeJson(volume('a'))).toEqual({
      CreatedAt: '2026-01-01T00:00:00Z',
      Driver: 'local',
      Labels: {},
      Mountpoint: '/v/a/_data',
      Name: 'a',
      Options: {},
      Scope: 'local',
    });
    expect(volumeJson(volume('a', { labels: { x: '' }, options: { o: 'ro' } }))).toMatchObject({
      Labels: { x: '' },
      Options: { o: 'ro' },
    });
  });

  it('of a cluster are refused', () => {
    expect(() => volumeSpec({ Name: 'a', ClusterVolumeSpec: {} })).toThrow(
      'ClusterVolumeSpec is not supported by Berth yet',
    );
    expect(volumeSpec({ Driver: null })).toEqual({ name: '', driver: '', options: {}, labels: {} });
  });

  it('are filtered by use, driver, name and label', () => {
    const all = [volume('red', { users: ['c'] }), volume('green', { labels: { a: 'b' } }), volume('blue')];
    const names = (filters: Record<string, string[]>) =>
      filterVolumes(all, new Map(Object.entries(filters))).map(({ name }) => name);
    expect(names({})).toHaveLength(3);
    expect(names({ dangling: ['true'] })).toEqual(['green', 'blue']);
    expect(names({ dangling: ['0'] })).toEqual(['red']);
    expect(names({ name: ['re'] })).toEqual(['red', 'green']);
    expect(names({ label: ['a=b'] })).toEqual(['green']);
    expect(names({ label: ['a=c'] })).toEqual([]);
    expect(names({ driver: ['nfs'] })).toEqual([]);
    expect(() => names({ dangling: ['maybe'] })).toThrow("invalid filter 'dangling=maybe'");
  });
});

describe('HostConfig.Mounts', () => {
  it('are read with all options, and shown as they were given', () => {
    const given = [
      {
        Type: 'bind',
        Target: '/a',
        Source: '/s',
        ReadOnly: true,
        BindOptions: { Propagation: 'rslave', NonRecursive: true },
      },
      { Type: 'bind', Target: '/b', Source: '/s', BindOptions: { CreateMountpoint: true } },
      {
        ...{ Type: 'volume', Target: '/c', Source: 'data' },
        VolumeOptions: {
          ...{ NoCopy: true, Labels: { x: 'y' }, Subpath: 'in' },
          DriverConfig: { Name: 'local', Options: { type: 'tmpfs', device: 'tmpfs' } },
        },
      },
      { Type: 'volume', Target: '/d' },
      { Type: 'tmpfs', Target: '/e', TmpfsOptions: { SizeBytes: 4096, Mode: 0o700, Options: [['exec']] } },
    ];
    expect(mountSpecs(given).map(mountRequest)).toEqual(given);
    expect(mountSpecs([{ Type: 'bind', Target: '/a', Source: '/s', Consistency: 'cached' }])).toHaveLength(1);
    expect(mountSpecs(null)).toEqual([]);
  });

  it('that are read-only are so at the top alone, for clients from before 1.44', () => {
    const readOnly = { Type: 'bind', Source: '/s', Target: '/a', ReadOnly: true };
    expect(mountSpecs([readOnly], '1.43')).toMatchObject([{ readOnlyNonRecursive: true }]);
    expect(mountSpecs([{ ...readOnly, ReadOnly: false }], '1.43')).toMatchObject([
      { readOnlyNonRecursive: false },
    ]);
    expect(mountSpecs([readOnly], '1.44')).toMatchObject([{ readOnlyNonRecursive: false }]);
  });

  it('of other kinds, and with options of other kinds, are refused', () => {
    const read = (mount: object) => () => mountSpecs([mount]);
    for (const type of ['image', 'npipe', 'cluster'])
      expect(read({ Type: type, Target: '/a' })).toThrow(`HostConfig.Mounts.Type "${type}" is not supported`);
    expect(read({ Type: 'floppy', Target: '/a' })).toThrow(
      'invalid mount config for type "floppy": mount type unknown',
    );
    expect(read({ Type: 'bind', Target: '/a', VolumeOptions: {} })).toThrow(
      'invalid mount config for type "bind": field VolumeOptions must not be specified',
    );
    expect(read({ Type: 'volume', Target: '/a', BindOptions: {} })).toThrow('field BindOptions must not');
    expect(read({ Type: 'tmpfs', Target: '/a', Source: 'x' })).toThrow('field Source must not be specified');
    expect(read({ Type: 'bind', Target: '/a', BindOptions: { Colour: 'red' } })).toThrow(
      'HostConfig.Mounts.BindOptions.Colour is not supported by Berth yet',
    );
    expect(read({ Type: 'image', Target: '/a', ImageOptions: { Subpath: 'x' } })).toThrow(/not supported/);
  });
});
