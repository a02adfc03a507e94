import type { Container } from '@berth/engine';
import type { NameServiceCounters } from '@berth/network';
import { endpointSettings } from './endpoints.js';
import { healthcheckJson, healthJson } from './health.js';
import { hostConfig } from './host-config-inspect.js';
import { exposedMap, portMap } from './ports.js';

/**
 * `GET /containers/{id}/json`.
 *
 * @param foldFrom how long a run of ports must be to be one entry
 */
export function containerInspect(container: Container, foldFrom: number) {
  return {
    Id: container.id,
    Created: container.created,
    Path: container.path,
    Args: container.args,
    State: state(container),
    Image: container.imageId,
    ResolvConfPath: container.resolvConfPath,
    HostnamePath: container.hostnamePath,
    HostsPath: container.hostsPath,
    LogPath: container.logPath,
    Name: `/${container.name}`,
    RestartCount: container.restartCount,
    Driver: 'overlay2',
    Platform: 'linux',
    MountLabel: '',
    ProcessLabel: '',
    AppArmorProfile: '',
    ExecIDs: container.execIds.length === 0 ? null : container.execIds,
    HostConfig: hostConfig(container, foldFrom),
    GraphDriver: {
      Name: 'overlay2',
      Data: {
        ID: container.id,
        LowerDir: container.rootfs.lower,
        MergedDir: container.rootfs.merged,
        UpperDir: container.rootfs.upper,
        WorkDir: container.rootfs.work,
      },
    },
    Mounts: mountPoints(container),
    Config: config(container, foldFrom),
    NetworkSettings: networkSettings(container, foldFrom),
  };
}

/** The mounts as both `inspect` and the list show them. */
export function mountPoints(container: Container): object[] {
  return container.mounts.map((mount) => ({
    Type: mount.type,
    ...(mount.name === undefined ? {} : { Name: mount.name }),
    Source: mount.source,
    Destination: mount.destination,
    ...(mount.type === 'volume' ? { Driver: 'local' } : {}),
    Mode: mount.mode,
    RW: mount.readWrite,
    Propagation: mount.propagation ?? (mount.type === 'bind' ? 'rprivate' : ''),
  }));
}

function state({ state, health }: Container) {
  return {
    Status: state.status,
    Running: state.status === 'running' || state.status === 'paused' || state.status === 'restarting',
    Paused: state.status === 'paused',
    Restarting: state.status === 'restarting',
    OOMKilled: state.oomKilled,
    Dead: state.status === 'dead',
    Pid: state.pid,
    ExitCode: state.exitCode,
    Error: state.error,
    StartedAt: state.startedAt,
    FinishedAt: state.finishedAt,
    ...(health && { Health: healthJson(health) }),
  };
}

function config({ spec, imageName, hostname }: Container, foldFrom: number) {
  const exposed = exposedMap(spec.exposedPorts, foldFrom);
  const { volumes } = spec;
  return {
    Hostname: hostname,
    Domainname: spec.domainname ?? '',
    User: spec.user ?? '',
    AttachStdin: spec.attachStdin,
    AttachStdout: spec.attachStdout,
    AttachStderr: spec.attachStderr,
    ...(Object.keys(exposed).length === 0 ? {} : { ExposedPorts: exposed }),
    Tty: spec.tty,
    OpenStdin: spec.openStdin,
    StdinOnce: spec.stdinOnce,
    Env: spec.env,
    Cmd: spec.command ?? null,
    Image: imageName,
    Volumes: volumes === undefined || volumes.length === 0 ? null : emptyObjects(volumes),
    WorkingDir: spec.workingDirectory ?? '',
    Entrypoint: spec.entrypoint ?? null,
    OnBuild: null,
    Labels: spec.labels,
    ...(spec.stopSignal === undefined ? {} : { StopSignal: spec.stopSignal }),
    ...(spec.healthcheck && { Healthcheck: healthcheckJson(spec.healthcheck) }),
    ...(spec.stopTimeout === undefined ? {} : { StopTimeout: spec.stopTimeout }),
  };
}

/** A Go set, as Docker writes it. */
function emptyObjects(keys: readonly string[]): Record<string, object> {
  return Object.fromEntries(keys.map((key) => [key, {}]));
}

function networkSettings(container: Container, foldFrom: number) {
  const networks = Object.entries(container.networks).map(
    ([name, network]) => [name, endpointSettings(network)] as const,
  );
  // The fields from the days of one network are those of the default bridge.
  const legacy = networks.find(([name]) => name === 'bridge')?.[1];
  const running = container.sandboxId !== '';
  return {
    Bridge: '',
    SandboxID: container.sandboxId,
    SandboxKey: container.sandboxPath,
    Ports: running ? portMap(container.spec.exposedPorts, container.ports, foldFrom) : {},
    HairpinMode: false,
    LinkLocalIPv6Address: '',
    LinkLocalIPv6PrefixLen: 0,
    SecondaryIPAddresses: null,
    SecondaryIPv6Addresses: null,
    EndpointID: legacy?.EndpointID ?? '',
    Gateway: legacy?.Gateway ?? '',
    GlobalIPv6Address: legacy?.GlobalIPv6Address ?? '',
    GlobalIPv6PrefixLen: legacy?.GlobalIPv6PrefixLen ?? 0,
    IPAddress: legacy?.IPAddress ?? '',
    IPPrefixLen: legacy?.IPPrefixLen ?? 0,
    IPv6Gateway: legacy?.IPv6Gateway ?? '',
    MacAddress: legacy?.MacAddress ?? '',
    Networks: Object.fromEntries(networks),
    ...(container.nameService && { NameService: nameServiceJson(container.nameService) }),
  };
}

/** What has become of the container's questions to its name service: Berth's own. */
function nameServiceJson(counters: NameServiceCounters) {
  return {
    Asked: counters.asked,
    AnsweredHere: counters.answeredHere,
    Forwarded: counters.forwarded,
    Failed: counters.failed,
    Slow: counters.slow,
    Refused: counters.refused,
    Malformed: counters.malformed,
    Forged: counters.forged,
  };
}
