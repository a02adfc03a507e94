import { BerthError } from '@berth/core';
import { holds, type Container } from '@berth/engine';
import { hasLabels, type Filters } from '../http/query.js';
import { humanDuration, unixSeconds } from './durations.js';
import { endpointSettings } from './endpoints.js';
import { mountPoints } from './container-inspect.js';
import { parsePort, portList } from './ports.js';

/** Filters of `GET /containers/json` that are acted on. */
export const CONTAINER_FILTERS = [
  'ancestor',
  'before',
  'exited',
  'expose',
  'health',
  'id',
  'is-task',
  // Of Windows alone; Docker on Linux takes it, too, and acts on nothing.
  'isolation',
  'label',
  'name',
  'network',
  'publish',
  'since',
  'status',
  'volume',
];

const HEALTHS = ['starting', 'healthy', 'unhealthy', 'none'];
const STATUSES = ['created', 'restarting', 'running', 'removing', 'paused', 'exited', 'dead'];

/**
 * An element of `GET /containers/json`.
 *
 * @param foldFrom how long a run of ports must be to be one element
 */
export function containerSummary(container: Container, foldFrom: number) {
  return {
    Id: container.id,
    Names: [`/${container.name}`],
    Image: container.imageName,
    ImageID: container.imageId,
    Command: commandLine(container),
    Created: unixSeconds(container.created),
    Ports: portList(container.spec.exposedPorts, container.ports, foldFrom),
    Labels: container.spec.labels,
    State: container.state.status,
    Status: statusText(container, Date.now()),
    HostConfig: { NetworkMode: container.networkMode },
    NetworkSettings: {
      Networks: Object.fromEntries(
        Object.entries(container.networks).map(([name, network]) => [name, endpointSettings(network)]),
      ),
    },
    Mounts: mountPoints(container),
  };
}

function commandLine({ path, args }: Container): string {
  // As Docker shows it: arguments with blanks in quotes.
  return [path, ...args].map((word) => (word.includes(' ') ? `'${word}'` : word)).join(' ');
}

/** `Up 5 minutes`, `Exited (0) 2 hours ago`, `Created`. */
export function statusText({ state, health }: Pick<Container, 'state' | 'health'>, now: number): string {
  const since = (instant: string) => humanDuration((now - Date.parse(instant)) / 1000);
  switch (state.status) {
    case 'created':
      return 'Created';
    case 'running':
      return `Up ${since(state.startedAt)}${healthText(health)}`;
    case 'paused':
      return `Up ${since(state.startedAt)} (Paused)`;
    case 'restarting':
      return `Restarting (${state.exitCode}) ${since(state.finishedAt)} ago`;
    case 'removing':
      return 'Removal In Progress';
    case 'dead':
      return 'Dead';
    case 'exited':
      return `Exited (${state.exitCode}) ${since(state.finishedAt)} ago`;
  }
}

/** `health: starting` while nothing is known yet. */
function healthText(health: Container['health']): string {
  if (health === undefined) return '';
  return health.status === 'starting' ? ' (health: starting)' : ` (${health.status})`;
}

/**
 * The containers that pass all filters (each by any of its values), newest first.
 *
 * @param find finds the container that `before` and `since` name
 * @throws BerthError `invalid` for a value that fits nothing that the filter can mean
 */
export function filterContainers(
  containers: readonly Container[],
  filters: Filters,
  find: (reference: string) => Container,
): Container[] {
  const created = (container: Container) => Date.parse(container.created);
  for (const status of filters.get('status') ?? []) {
    if (!STATUSES.includes(status)) {
      throw new BerthError(
        'invalid',
        `invalid filter 'status=${status}': it must be one of ${STATUSES.join(', ')}`,
      );
    }
  }
  for (const health of filters.get('health') ?? []) {
    if (!HEALTHS.includes(health)) {
      throw new BerthError(
        'invalid',
        `invalid filter 'health=${health}': it must be one of ${HEALTHS.join(', ')}`,
      );
    }
  }
  for (const value of filters.get('is-task') ?? []) {
    if (!['0', '1', 'true', 'false'].includes(value))
      throw new BerthError('invalid', `invalid filter 'is-task=${value}': it must be true or false`);
  }
  const bounds = (name: string) => (filters.get(name) ?? []).map((reference) => created(find(reference)));
  const [before, since] = [bounds('before'), bounds('since')];
  return containers
    .filter((container) => before.every((instant) => created(container) < instant))
    .filter((container) => since.every((instant) => created(container) > instant))
    .filter((container) => hasLabels(container.spec.labels, filters.get('label')))
    .filter((container) =>
      [...filters].every(([name, values]) => {
        const test = TESTS[name];
        return test === undefined || values.length === 0 || values.some((value) => test(container, value));
      }),
    )
    .sort((a, b) => created(b) - created(a));
}

const TESTS: Readonly<Record<string, (container: Container, value: string) => boolean>> = {
  id: (container, value) => container.id.startsWith(value),
  name: (container, value) => {
    const pattern = nameFilter(value);
    return pattern.test(container.name) || pattern.test(`/${container.name}`);
  },
  status: (container, value) => container.state.status === value,
  health: (container, value) => (container.health?.status ?? 'none') === value,
  // Tasks are of swarm services: no container is one.
  'is-task': (_container, value) => ['0', 'false'].includes(value),
  exited: (container, value) =>
    container.state.status === 'exited' && container.state.exitCode === Number(value),
  ancestor: (container, value) =>
    container.imageName === value ||
    container.imageName === `${value}:latest` ||
    `${container.imageName}:latest` === value ||
    container.imageId === value ||
    (value.length >= 4 &&
      container.imageId.startsWith(value.startsWith('sha256:') ? value : `sha256:${value}`)),
  network: (container, value) =>
    Object.values(container.networks).some(
      (network) => network.networkName === value || network.networkId.startsWith(value),
    ),
  volume: (container, value) =>
    container.mounts.some(
      (mount) => mount.name === value || mount.source === value || mount.destination === value,
    ),
  expose: (container, value) => {
    const wanted = parsePort(value);
    return container.spec.exposedPorts.some((port) => holds(port, wanted));
  },
  publish: (container, value) => {
    const wanted = parsePort(value);
    return container.ports.some(({ containerPort: port, protocol, count }) =>
      holds({ port, protocol, count }, wanted),
    );
  },
};

function nameFilter(value: string): RegExp {
  try {
    return new RegExp(value);
  } catch (cause) {
    throw new BerthError('invalid', `invalid filter 'name=${value}': it is no regular expression`, { cause });
  }
}
