import { describe, expect, it } from 'vitest';
import { addContainerOptions, createBody, type ContainerOptions } from './container-options.js';
import { command, parse } from './command.js';

function bodyOf(line: string): Record<string, Record<string, unknown>> {
  const parser = addContainerOptions(command('run', '', ''));
  const [image = '', ...words] = parse(parser, [...line.split(' '), 'busybox'], true) ?? [];
  return createBody(image, words, parser.opts<ContainerOptions>(), false) as Record<
    string,
    Record<string, unknown>
  >;
}
const hostOf = (line: string) => bodyOf(line)['HostConfig'] ?? {};

describe('what a container may use', () => {
  it('is sent in the units of the API', () => {
    expect(hostOf('-m 64m --memory-swap -1 --cpus 1.5 --pids-limit 10 --shm-size 1g')).toMatchObject({
      Memory: 67_108_864,
      MemorySwap: -1,
      NanoCpus: 1_500_000_000,
      PidsLimit: 10,
      ShmSize: 1_073_741_824,
    });
    expect(hostOf('--ulimit nofile=10:20 --ulimit core=-1 --restart on-failure:3')).toMatchObject({
      Ulimits: [
        { Name: 'nofile', Soft: 10, Hard: 20 },
        { Name: 'core', Soft: -1, Hard: -1 },
      ],
      RestartPolicy: { Name: 'on-failure', MaximumRetryCount: 3 },
    });
    expect(hostOf('--device-read-bps /dev/sda:1mb --blkio-weight-device /dev/sda:100')).toMatchObject({
      BlkioDeviceReadBps: [{ Path: '/dev/sda', Rate: 1_048_576 }],
      BlkioWeightDevice: [{ Path: '/dev/sda', Weight: 100 }],
    });
    expect(hostOf('--rm')).not.toHaveProperty('Memory');
  });

  it.each([
    ['-m much', "invalid size: 'much'"],
    ['--cpus many', 'failed to parse many as a rational number'],
    ['--ulimit nofile', 'invalid ulimit argument: nofile'],
    ['--restart never', 'it should be no, always, unless-stopped or on-failure[:TIMES]'],
    ['--device-read-bps sda', 'bad format for path and rate: sda'],
  ])('%s is refused', (line, message) => {
    expect(() => hostOf(line)).toThrow(message);
  });
});

describe('how a container is set apart', () => {
  it('is sent as the API has it', () => {
    expect(
      hostOf('--init --pid host --ipc shareable --device /dev/fuse:/dev/f:r --device /dev/zero:rw'),
    ).toMatchObject({
      Init: true,
      PidMode: 'host',
      IpcMode: 'shareable',
      Devices: [
        { PathOnHost: '/dev/fuse', PathInContainer: '/dev/f', CgroupPermissions: 'r' },
        { PathOnHost: '/dev/zero', PathInContainer: '/dev/zero', CgroupPermissions: 'rw' },
      ],
    });
    expect(hostOf('--log-driver local --log-opt max-size=1m')).toMatchObject({
      LogConfig: { Type: 'local', Config: { 'max-size': '1m' } },
    });
    expect(bodyOf('--health-cmd true --health-interval 1m30s --health-retries 2')).toMatchObject({
      Healthcheck: { Test: ['CMD-SHELL', 'true'], Interval: 90e9, Retries: 2 },
    });
    expect(bodyOf('--no-healthcheck')).toMatchObject({ Healthcheck: { Test: ['NONE'] } });
  });

  it.each([
    ['--gpus all', '--gpus is not supported by Berth'],
    ['--health-interval soon', 'time: invalid duration "soon"'],
    ['--security-opt seccomp=/nowhere.json', 'opening seccomp profile (/nowhere.json) failed'],
  ])('%s is refused', (line, message) => {
    expect(() => hostOf(line)).toThrow(message);
  });
});

describe('what is mounted', () => {
  it('tells binds, anonymous volumes, tmpfs and long forms apart', () => {
    const body = bodyOf('-v /a:/b:ro -v /data --tmpfs /run:size=1m --volumes-from other');
    expect(body).toMatchObject({
      Volumes: { '/data': {} },
      HostConfig: { Binds: ['/a:/b:ro'], Tmpfs: { '/run': 'size=1m' }, VolumesFrom: ['other'] },
    });
    expect(hostOf('--mount type=bind,src=/a,dst=/b,ro,bind-propagation=rshared')['Mounts']).toEqual([
      {
        Type: 'bind',
        Source: '/a',
        Target: '/b',
        ReadOnly: true,
        BindOptions: { Propagation: 'rshared' },
      },
    ]);
    expect(
      hostOf('--mount source=v,target=/v,volume-nocopy,volume-opt=type=tmpfs,volume-label=a=b')['Mounts'],
    ).toEqual([
      {
        Type: 'volume',
        Source: 'v',
        Target: '/v',
        VolumeOptions: { NoCopy: true, DriverConfig: { Options: { type: 'tmpfs' } }, Labels: { a: 'b' } },
      },
    ]);
    expect(hostOf('--mount type=tmpfs,target=/t,tmpfs-size=1m,tmpfs-mode=1777')['Mounts']).toEqual([
      { Type: 'tmpfs', Target: '/t', TmpfsOptions: { SizeBytes: 1_048_576, Mode: 0o1777 } },
    ]);
  });

  it.each([
    ['--mount type=bind,src=/a', 'target is required'],
    ['--mount type=bind,src=/a,dst=/b,colour=red', "unexpected key 'colour'"],
    ['--mount type=bind,src=/a,dst=/b,ro=maybe', 'invalid value for ro: maybe'],
  ])('%s is refused', (line, message) => {
    expect(() => hostOf(line)).toThrow(message);
  });
});
