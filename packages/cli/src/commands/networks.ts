import { connect } from '../client/api-client.js';
import { print, printError } from '../terminal/output.js';
import { collect, command, forEach, needOperands, parse } from './command.js';
import { confirmed } from './confirm.js';
import { filtersOf } from './logs.js';
import {
  addConnectOptions,
  addCreateOptions,
  addUpdateOptions,
  connectEndpoint,
  createNetworkBody,
  updateNetworkBody,
} from './network-options.js';

/** `berth network create` */
export async function networkCreate(argv: readonly string[]): Promise<number> {
  const parser = addCreateOptions(command('network create', '[OPTIONS] NETWORK', 'Create a network'));
  const operands = parse(parser, argv);
  if (operands === undefined) return 0;
  needOperands(parser, operands, 1, 1);
  const body = createNetworkBody(operands[0] ?? '', parser.opts());
  const { Id, Warning } = await connect().call<{ Id: string; Warning?: string }>('POST', '/networks/create', {
    body,
  });
  if (Warning !== undefined && Warning !== '') printError(`WARNING: ${Warning}\n`);
  print(`${Id}\n`);
  return 0;
}

/** `berth network update` */
export async function networkUpdate(argv: readonly string[]): Promise<number> {
  const parser = addUpdateOptions(
    command('network update', '[OPTIONS] NETWORK', 'Change a network while containers are on it'),
  );
  const operands = parse(parser, argv);
  if (operands === undefined) return 0;
  needOperands(parser, operands, 1, 1);
  const [network = ''] = operands;
  const body = updateNetworkBody(parser.opts());
  await connect().call('POST', `/networks/${encodeURIComponent(network)}/update`, { body });
  print(`${network}\n`);
  return 0;
}

/** `berth network rm` */
export async function networkRm(argv: readonly string[]): Promise<number> {
  const parser = command('network rm', 'NETWORK [NETWORK...]', 'Remove networks').option(
    '-f, --force',
    'no error for one that is not there',
  );
  const operands = parse(parser, argv);
  if (operands === undefined) return 0;
  needOperands(parser, operands, 1);
  const api = connect();
  return forEach(operands, async (name) => {
    await api.call('DELETE', `/networks/${encodeURIComponent(name)}`);
    print(`${name}\n`);
  });
}

/** `berth network connect` */
export async function networkConnect(argv: readonly string[]): Promise<number> {
  const parser = addConnectOptions(
    command('network connect', '[OPTIONS] NETWORK CONTAINER', 'Connect a container to a network'),
  );
  const operands = parse(parser, argv);
  if (operands === undefined) return 0;
  needOperands(parser, operands, 2, 2);
  const [network = '', Container] = operands;
  const EndpointConfig = connectEndpoint(network, parser.opts());
  await connect().call('POST', `/networks/${encodeURIComponent(network)}/connect`, {
    body: { Container, EndpointConfig },
  });
  return 0;
}

/** `berth network disconnect` */
export async function networkDisconnect(argv: readonly string[]): Promise<number> {
  const parser = command(
    'network disconnect',
    '[OPTIONS] NETWORK CONTAINER',
    'Disconnect a container from a network',
  ).option('-f, --force', 'whatever state it is in');
  const operands = parse(parser, argv);
  if (operands === undefined) return 0;
  needOperands(parser, operands, 2, 2);
  const [network = '', Container] = operands;
  const Force = parser.opts<{ force?: boolean }>().force ?? false;
  await connect().call('POST', `/networks/${encodeURIComponent(network)}/disconnect`, {
    body: { Container, Force },
  });
  return 0;
}

/** `berth network prune` */
export async function networkPrune(argv: readonly string[]): Promise<number> {
  const parser = command('network prune', '[OPTIONS]', 'Remove all networks that no container uses')
    .option('-f, --force', 'do not ask')
    .option('--filter <filter>', 'NAME=VALUE', collect);
  const operands = parse(parser, argv);
  if (operands === undefined) return 0;
  needOperands(parser, operands, 0, 0);
  const { force, filter } = parser.opts<{ force?: boolean; filter?: string[] }>();
  const warning = 'WARNING! This will remove all custom networks not used by at least one container.';
  if (force !== true && !(await confirmed(warning))) return 0;
  const query = { filters: filter === undefined ? undefined : filtersOf(filter) };
  const { NetworksDeleted } = await connect().call<{ NetworksDeleted: string[] | null }>(
    'POST',
    '/networks/prune',
    { query },
  );
  const deleted = NetworksDeleted ?? [];
  if (deleted.length > 0) print(`Deleted Networks:\n${deleted.map((name) => `${name}\n`).join('')}\n`);
  return 0;
}
