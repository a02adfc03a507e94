import type { Container, ContainerNetwork } from '../model.js';
import { logPlan } from '../logs/driver.js';
import { pathsOf, type ContainerContext } from './context.js';
import { dnsNames, sharedContainer } from './network-mode.js';
import type { ContainerRecord } from './table.js';

/** The container as others see it: the record and, while it runs, what its sandbox is. */
export function snapshot(
  context: ContainerContext,
  record: ContainerRecord,
  execIds: readonly string[] = [],
): Container {
  const paths = pathsOf(context, record.id);
  const shared = sharedContainer(record.networkMode);
  const running = record.state.status === 'running' || record.state.status === 'paused';
  const sandbox = running ? context.network.sandbox(asSandboxId(shared ?? record.id)) : undefined;
  // A container that shares another's sandbox shares the files that name its addresses.
  const networkPaths = shared === undefined ? paths : pathsOf(context, shared);
  const networks = Object.entries(record.networks).map(
    ([name, { networkId, config }]): [string, ContainerNetwork] => [
      name,
      {
        networkId,
        networkName: name,
        config,
        endpoint: sandbox?.endpoints.find((endpoint) => endpoint.networkId === networkId),
        dnsNames: dnsNames(record, config),
      },
    ],
  );
  return {
    id: record.id,
    name: record.name,
    created: record.created,
    imageId: record.imageId,
    imageName: record.imageName,
    spec: record.spec,
    path: record.path,
    args: record.args,
    hostname: record.hostname,
    state: record.state,
    networkMode: record.networkMode,
    networks: Object.fromEntries(networks),
    ports: shared === undefined ? (sandbox?.ports ?? []) : [],
    sandboxId: sandbox?.id ?? '',
    sandboxPath: sandbox?.path ?? '',
    ...(sandbox?.nameServiceCounters && { nameService: sandbox.nameServiceCounters }),
    hostnamePath: networkPaths.hostname,
    hostsPath: networkPaths.hosts,
    resolvConfPath: networkPaths.resolvConf,
    logPath: logPlan(record.spec.host).driver === 'json-file' ? paths.log : '',
    mounts: record.mounts,
    restartCount: record.restartCount ?? 0,
    health: context.health.of(record.id) ?? record.health,
    execIds,
    rootfs: {
      lower: record.diffIds.map((diffId) => context.images.layerPath(diffId)).join(':'),
      upper: paths.upper,
      work: paths.work,
      merged: paths.rootfs,
    },
  };
}

/** A container's sandbox goes by the container's id. */
export function asSandboxId(id: string): Parameters<ContainerContext['network']['sandbox']>[0] {
  return id as Parameters<ContainerContext['network']['sandbox']>[0];
}
