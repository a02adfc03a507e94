import { describe, expect, it } from 'vitest';
import { containerSpec } from './container-create.js';
import { endpointConfig } from './endpoints.js';
import { networkSpec } from './networks.js';
import { parsePort, portSpecs } from './ports.js';

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
      { protocol: 'tcp', containerPort: 80, hostPort: undefined },
    ]);
    expect(spec.networks.front).toMatchObject({ aliases: ['a'], ipv4Address: '10.0.0.3' });
  });

  it.each([
    [{ Memory: 1 }, 'HostConfig.Memory is not supported by Berth yet'],
    [{ RestartPolicy: { Name: 'always' } }, 'HostConfig.RestartPolicy is not supported'],
    [{ Init: true }, 'HostConfig.Init is not supported'],
    [{ Tmpfs: { '/run': '' } }, 'HostConfig.Tmpfs is not supported'],
    [{ Links: ['a:b'] }, 'HostConfig.Links is not supported'],
    [{ MemorySwappiness: 10 }, 'HostConfig.MemorySwappiness is not supported'],
    [{ PidMode: 'host' }, 'HostConfig.PidMode is not supported'],
    [{ LogConfig: { Type: 'syslog' } }, 'HostConfig.LogConfig.Type "syslog" is not supported'],
    [{ LogConfig: { Config: { 'max-size': '1m' } } }, 'HostConfig.LogConfig.Config is not supported'],
    [{ Devices: [0, 1] }, 'HostConfig.Devices is not supported'],
    [{ PortBindings: { '80/sctp': null } }, 'sctp is not supported by Berth yet'],
    [{ PortBindings: { '80/tcp': [{ HostPort: '8000-8010' }] } }, 'invalid host port "8000-8010" for 80/tcp'],
  ])('refuses %j by name', (host, message) => {
    expect(() => withHost(host)).toThrow(message);
  });

  it('refuses other fields of the configuration by name', () => {
    expect(() => containerSpec({ Image: 'x', Volumes: { '/v': {} } } as never, undefined)).toThrow(
      'Volumes is not supported by Berth yet',
    );
    expect(() => containerSpec({ Image: 'x', Healthcheck: { Test: ['x'] } } as never, undefined)).toThrow(
      'Healthcheck is not supported by Berth yet',
    );
  });
});

describe('endpoints, networks, ports', () => {
  it('refuses what an endpoint cannot be', () => {
    expect(() => endpointConfig({ IPAMConfig: { IPv6Address: 'fd00::2' } })).toThrow(
      'EndpointConfig.IPAMConfig.IPv6Address is not supported',
    );
    expect(() => endpointConfig({ GwPriority: 1 })).toThrow('EndpointConfig.GwPriority is not supported');
    expect(endpointConfig(null)).toEqual({ aliases: [] });
  });

  it('refuses what a network cannot be', () => {
    expect(() => networkSpec({ Name: 'n', Ingress: true } as never)).toThrow('Ingress is not supported');
    expect(() => networkSpec({ Name: 'n', EnableIPv4: false })).toThrow('EnableIPv4=false is not supported');
    expect(networkSpec({ Name: 'n', Driver: '', IPAM: null })).toMatchObject({
      driver: 'bridge',
      labels: {},
    });
  });

  it('reads ports', () => {
    expect(parsePort('53/UDP')).toEqual({ port: 53, protocol: 'udp' });
    for (const bad of ['0', '65536', 'http', '80/', '8000-8010']) expect(() => parsePort(bad)).toThrow(bad);
    expect(portSpecs({ '80/tcp': null })).toMatchObject([{ containerPort: 80, hostPort: undefined }]);
  });
});
