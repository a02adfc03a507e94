import { hostAbilities } from '@berth/engine';
import { MIN_API_VERSION, API_VERSION } from '../http/version.js';
import { Query } from '../http/query.js';
import type { App } from '../http/server.js';
import { sendStream } from '../http/streams.js';
import { eventLine } from '../json/events.js';
import { limitsJson, limitWarnings } from '../json/limits.js';
import { PRODUCT, VERSION } from '../startup/product.js';
import type { ApiContext } from './context.js';

/** Filters of `GET /events` that are acted on. */
const EVENT_FILTERS = ['type', 'event', 'container', 'image', 'network', 'volume', 'label'];

/** The daemon itself. */
export function systemRoutes(app: App, context: ApiContext): void {
  app.route({
    method: ['GET', 'HEAD'],
    url: '/_ping',
    handler: (request, reply) =>
      reply
        .headers({
          'Cache-Control': 'no-cache, no-store, must-revalidate',
          Pragma: 'no-cache',
          // The classic builder: clients do not try BuildKit first.
          'Builder-Version': '1',
          'Docker-Experimental': 'false',
          Swarm: 'inactive',
        })
        .type('text/plain; charset=utf-8')
        .send(request.method === 'HEAD' ? '' : 'OK'),
  });

  app.get('/version', () => {
    const { host } = context;
    return {
      Platform: { Name: `${PRODUCT} ${VERSION}` },
      Components: [
        {
          Name: 'Engine',
          Version: VERSION,
          Details: {
            ApiVersion: API_VERSION,
            Arch: host.architecture,
            BuildTime: '',
            Experimental: 'false',
            GitCommit: '',
            GoVersion: '',
            KernelVersion: host.kernelVersion,
            MinAPIVersion: MIN_API_VERSION,
            NodeVersion: process.version,
            Os: 'linux',
          },
        },
      ],
      Version: VERSION,
      ApiVersion: API_VERSION,
      MinAPIVersion: MIN_API_VERSION,
      GitCommit: '',
      GoVersion: '',
      Os: 'linux',
      Arch: host.architecture,
      KernelVersion: host.kernelVersion,
      BuildTime: '',
    };
  });

  app.get('/info', () => systemInfo(context));

  app.get('/events', async (request, reply) => {
    const query = new Query(request);
    const filters = query.filters(EVENT_FILTERS);
    const events = context.engine.events.subscribe({
      since: query.instant('since'),
      until: query.instant('until'),
      filters: Object.fromEntries(filters),
    });
    await sendStream(reply, 'application/json', events, eventLine);
  });
}

function systemInfo({ engine, host }: ApiContext) {
  const counts = engine.info();
  const can = hostAbilities();
  return {
    ID: host.id,
    Containers: counts.containers,
    ContainersRunning: counts.running,
    ContainersPaused: counts.paused,
    ContainersStopped: counts.stopped,
    Images: counts.images,
    Driver: 'overlay2',
    DriverStatus: [],
    Plugins: {
      Volume: ['local'],
      Network: engine.networks.drivers,
      Authorization: null,
      Log: ['json-file'],
    },
    ...limitsJson(can),
    IPv4Forwarding: host.forwardsIPv4(),
    Debug: host.debug,
    NFd: host.openDescriptors(),
    NGoroutines: 0,
    SystemTime: new Date().toISOString(),
    LoggingDriver: 'json-file',
    CgroupDriver: 'cgroupfs',
    CgroupVersion: host.cgroupVersion,
    NEventsListener: 0,
    KernelVersion: host.kernelVersion,
    OperatingSystem: host.operatingSystem,
    OSVersion: host.operatingSystemVersion,
    OSType: 'linux',
    Architecture: host.machine,
    IndexServerAddress: '',
    RegistryConfig: { IndexConfigs: {}, InsecureRegistryCIDRs: [], Mirrors: [] },
    NCPU: host.processors,
    MemTotal: host.memory,
    GenericResources: null,
    DockerRootDir: host.dataRoot,
    HttpProxy: '',
    HttpsProxy: '',
    NoProxy: '',
    Name: host.name,
    Labels: [],
    ExperimentalBuild: false,
    ServerVersion: VERSION,
    Runtimes: { runc: { path: host.runc } },
    DefaultRuntime: 'runc',
    Swarm: {
      NodeID: '',
      NodeAddr: '',
      LocalNodeState: 'inactive',
      ControlAvailable: false,
      Error: '',
      RemoteManagers: null,
    },
    // Containers go on while the daemon is away.
    LiveRestoreEnabled: true,
    Isolation: '',
    InitBinary: host.init,
    ContainerdCommit: { ID: '' },
    RuncCommit: { ID: '' },
    InitCommit: { ID: '' },
    SecurityOptions: [
      'name=seccomp,profile=builtin',
      // Containers have one of their own unless told (only with v2, as with Docker).
      ...(can.version === 2 && can.cgroupNamespaces ? ['name=cgroupns'] : []),
    ],
    ...(host.addressPools.length === 0
      ? {}
      : { DefaultAddressPools: host.addressPools.map(({ base, size }) => ({ Base: base, Size: size })) }),
    ...(host.dnsListen === '' ? {} : { DnsListen: host.dnsListen }),
    CDISpecDirs: [],
    Warnings: [...limitWarnings(can), ...engine.networks.hostWarnings()],
  };
}
