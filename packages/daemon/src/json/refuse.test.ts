import { describe, expect, it } from 'vitest';
import { containerSpec } from './container-create.js';
import { endpointConfig } from './endpoints.js';
import { networkSpec } from './networks.js';
import { FOLD, bindingMap, parsePort, portList, portMap, portSpecs } from './ports.js';

/** What the docker command 28.2 sends for `docker run -d busybox`. */
const DOCKER_RUN = {
  ...{ Hostname: '', Domainname: '', User: '', AttachStdin: false, AttachStdout: false, AttachStderr: false },
  ...{ Tty: false, OpenStdin: false, StdinOnce: false, Env: null, Cmd: null, Image: 'busybox', Volumes: {} },
  ...{ WorkingDir: '', Entrypoint: null, OnBuild: null, Labels: {} },
  HostConfig: {
    ...{ Binds: null, ContainerIDFile: '', LogConfig: { Type: '', Config: {} }, NetworkMode: 'default' },
    ...{ PortBindings: {}, RestartPolicy: { Name: 'no', MaximumRetryCount: 0 }, AutoRemove: false },
    ...{ VolumeDriver: '', VolumesFrom: null, ConsoleSize: [0, 0], CapAdd: null, CapDrop: null },
    ...{ CgroupnsMode: '', Dns: [], DnsOptions: [], DnsSearch: [], ExtraHosts: null, GroupAdd: null },
    ...{ IpcMode: '', Cgroup: '', Links: null, OomScoreAdj: 0, PidMode: '', Privileged: false },
    ...{ PublishAllPorts: false, ReadonlyRootfs: false, SecurityOpt: null, UTSMode: '', UsernsMode: '' },
    ...{ ShmSize: 0, Isolation: '', CpuShares: 0, Memory: 0, NanoCpus: 0, CgroupParent: '', BlkioWeight: 0 },
    ...{ BlkioWeightDevice: [], MemorySwappiness: -1, OomKillDisable: false, PidsLimit: 0, Ulimits: [] },
    ...{ MaskedPaths: null, ReadonlyPaths: null, DeviceRequests: null, Devices: [] },
  },
  NetworkingConfig: {
    EndpointsConfig: {
      default: {
        ...{ IPAMConfig: null, Links: null, Aliases: null, MacAddress: '', DriverOpts: null, GwPriority: 0 },
        ...{ NetworkID: '', EndpointID: '', Gateway: '', IPAddress: '', IPPrefixLen: 0, DNSNames: null },
      },
    },
  },
};

const withHost = (host: object) => containerSpec({ Image: 'x', HostConfig: host }, undefined);

describe('what a container is asked to be', () => {
  it('takes what the docker command sends when nothing is asked for', () => {
    const spec = containerSpec(DOCKER_RUN, 'web');
    expect(spec).toMatchObject({ name: 'web', image: 'busybox', env: [], host: { networkMode: 'default' } });
    expect(spec.networks).toEqual({ bridge: { aliases: [] } });
  });

  it('maps what Berth does', () => {
    const spec = containerSpec(
      {
        Image: 'busybox',
        Cmd: ['sh'],
        Entrypoint: 'init',
        ExposedPorts: { '80/tcp': {} },
        HostConfig: { PortBindings: { '80': [{ HostIp: '', HostPort: '8081' }, {}] }, Binds: ['/a:/b:ro'] },
        NetworkingConfig: {
          EndpointsConfig: { front: { IPAMConfig: { IPv4Address: '10.0.0.3' }, Aliases: ['a'] } },
        },
      },
      undefined,
    );
    expect(spec.command).toEqual(['sh']);
    expect(spec.entrypoint).toEqual(['init']);
    expect(spec.exposedPorts).toEqual([{ port: 80, protocol: 'tcp' }]);
    expect(spec.host.binds).toEqual(['/a:/b:ro']);
    expect(spec.host.portBindings).toMatchObject([
      { protocol: 'tcp', containerPort: 80, hostPort: 8081 },
      { protocol: 'tcp', containerPort: 80 },
    ]);
    expect(spec.networks.front).toMatchObject({ aliases: ['a'], ipv4Address: '10.0.0.3' });
  });

  it.each([
    [{ RestartPolicy: { Name: 'sometimes' } }, "invalid restart policy: unknown policy 'sometimes'"],
    [{ KernelMemory: 1 }, 'HostConfig.KernelMemory is not supported by Berth yet'],
    [{ Runtime: 'kata' }, 'unknown or invalid runtime name: kata'],
    [{ Isolation: 'hyperv' }, "invalid isolation 'hyperv' on linux"],
    [{ StorageOpt: { size: '1G' } }, '--storage-opt is supported only for overlay over xfs'],
    [
      { DeviceRequests: [{ Count: -1, Capabilities: [['gpu']] }] },
      'could not select device driver "" with capabilities: [[gpu]]',
    ],
    [{ PortBindings: { '80/dccp': null } }, 'there is no protocol dccp, but tcp, udp and sctp'],
    [{ PortBindings: { '80-82/tcp': [{ HostPort: '80-81' }] } }, 'they must be as many'],
  ])('refuses %j by name', (host, message) => {
    expect(() => withHost(host)).toThrow(message);
  });

  it('refuses other fields of the configuration by name', () => {
    expect(() => containerSpec({ Image: 'x', Healthcheck: { Retry: 1 } } as never, undefined)).toThrow(
      'Healthcheck.Retry is not supported by Berth yet',
    );
  });
});

describe('endpoints, networks, ports', () => {
  it('reads all that an endpoint can be', () => {
    const settings = {
      IPAMConfig: { IPv4Address: '10.0.0.2', IPv6Address: 'fd00::2', LinkLocalIPs: ['169.254.1.1'] },
      Links: ['web:alias'],
      MacAddress: '02:42:0a:00:00:02',
      DriverOpts: { 'com.docker.network.endpoint.ifname': 'lan0' },
      GwPriority: 7,
    };
    expect(endpointConfig(settings)).toEqual({
      aliases: [],
      ipv4Address: '10.0.0.2',
      ipv6Address: 'fd00::2',
      linkLocalAddresses: ['169.254.1.1'],
      links: ['web:alias'],
      macAddress: '02:42:0a:00:00:02',
      driverOptions: { 'com.docker.network.endpoint.ifname': 'lan0' },
      gatewayPriority: 7,
    });
    expect(endpointConfig(null)).toEqual({ aliases: [] });
    expect(() => endpointConfig({ Links: ['a:b:c'] })).toThrow('bad format for links: a:b:c');
    expect(() => endpointConfig({ Ghost: 1 } as never)).toThrow('EndpointConfig.Ghost is not supported');
  });

  it('refuses what a network cannot be', () => {
    expect(() => networkSpec({ Name: 'n', Ingress: true } as never)).toThrow('Ingress is not supported');
    expect(() => networkSpec({ Name: 'n', Scope: 'swarm' } as never)).toThrow('Scope is not supported');
    expect(networkSpec({ Name: 'n', Driver: '', IPAM: null })).toMatchObject({
      driver: 'bridge',
      labels: {},
    });
  });

  it('reads ports', () => {
    expect(parsePort('53/UDP')).toEqual({ port: 53, protocol: 'udp' });
    expect(parsePort('8000-8010/sctp')).toEqual({ port: 8000, protocol: 'sctp', count: 11 });
    for (const bad of ['0', '65536', 'http', '80/', '8010-8000']) expect(() => parsePort(bad)).toThrow(bad);
    expect(portSpecs({ '80/tcp': null })).toEqual([{ containerPort: 80, protocol: 'tcp' }]);
  });

  it('reads a run of ports in one, and puts together what clients have taken apart', () => {
    const run = { protocol: 'tcp', containerPort: 8000, count: 3, hostPort: 9000 };
    expect(portSpecs({ '8000-8002/tcp': [{ HostPort: '9000-9002' }] })).toEqual([run]);
    const singly = {
      '8001/tcp': [{ HostPort: '9001' }],
      '8000/tcp': [{ HostPort: '9000' }, { HostIp: '127.0.0.1', HostPort: '9000' }],
      '8002/tcp': [{ HostPort: '9002' }],
      '8002/udp': [{ HostPort: '9002' }],
    };
    expect(portSpecs(singly)).toEqual([
      run,
      { protocol: 'tcp', containerPort: 8000, hostAddress: '127.0.0.1', hostPort: 9000 },
      { protocol: 'udp', containerPort: 8002, hostPort: 9002 },
    ]);
    expect(portSpecs({ '80/tcp': [{ HostPort: '8000-9000' }] })).toEqual([
      { protocol: 'tcp', containerPort: 80, hostPort: 8000, hostPortLast: 9000 },
    ]);
  });

  it('shows runs of ports one by one, or folded for who asks for that', () => {
    const exposed = [
      { port: 8000, protocol: 'tcp', count: 3 } as const,
      { port: 53, protocol: 'udp' } as const,
    ];
    const published = [
      { protocol: 'tcp', containerPort: 8000, count: 2, hostAddress: '::', hostPort: 9000 } as const,
    ];
    expect(portMap(exposed, published, FOLD.never)).toEqual({
      '8000/tcp': [{ HostIp: '::', HostPort: '9000' }],
      '8001/tcp': [{ HostIp: '::', HostPort: '9001' }],
      '8002/tcp': null,
      '53/udp': null,
    });
    expect(portMap(exposed, published, FOLD.always)).toEqual({
      '8000-8001/tcp': [{ HostIp: '::', HostPort: '9000-9001' }],
      '8002/tcp': null,
      '53/udp': null,
    });
    expect(portList([], published, FOLD.always)).toEqual([
      { IP: '::', PrivatePort: 8000, PublicPort: 9000, Type: 'tcp', Count: 2 },
    ]);
    expect(portList([], published, FOLD.never)).toHaveLength(2);
    expect(bindingMap(portSpecs({ '80/tcp': [{ HostPort: '8000-9000' }] }), FOLD.long)).toEqual({
      '80/tcp': [{ HostIp: '', HostPort: '8000-9000' }],
    });
  });
});
