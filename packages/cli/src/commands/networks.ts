import { connect } from '../client/api-client.js';
import { print, printError } from '../terminal/output.js';
import { Failure, collect, command, forEach, needOperands, parse } from './command.js';
import { filtersOf } from './logs.js';
import { pairs } from './words.js';

interface CreateOptions {
  readonly driver: string;
  readonly subnet?: string[];
  readonly gateway?: string[];
  readonly ipRange?: string[];
  readonly auxAddress?: string[];
  readonly internal?: boolean;
  readonly attachable?: boolean;
  readonly ipv6?: boolean;
  readonly label?: string[];
  readonly opt?: string[];
  readonly ipamDriver?: string;
  readonly ipamOpt?: string[];
}

/** `berth network create` */
export async function networkCreate(argv: readonly string[]): Promise<number> {
  const parser = command('network create', '[OPTIONS] NETWORK', 'Create a network')
    .option('-d, --driver <driver>', 'bridge, host or null', 'bridge')
    .option('--subnet <prefix>', 'its addresses, as 10.20.0.0/16', collect)
    .option('--gateway <address>', "the host's address in it", collect)
    .option('--ip-range <prefix>', 'where addresses are taken from', collect)
    .option('--aux-address <entry>', 'NAME=ADDRESS that is never given to a container', collect)
    .option('--internal', 'no way out, and none in')
    .option('--attachable', 'containers may be attached by hand')
    .option('--ipv6', 'IPv6 addresses too')
    .option('--label <label>', 'NAME=VALUE', collect)
    .option('-o, --opt <option>', 'NAME=VALUE for the driver', collect)
    .option('--ipam-driver <driver>', 'who manages its addresses')
    .option('--ipam-opt <option>', 'NAME=VALUE for it', collect);
  const operands = parse(parser, argv);
  if (operands === undefined) return 0;
  needOperands(parser, operands, 1, 1);
  const options = parser.opts<CreateOptions>();
  const body = {
    Name: operands[0],
    Driver: options.driver,
    Internal: options.internal ?? false,
    Attachable: options.attachable ?? false,
    ...(options.ipv6 === undefined ? {} : { EnableIPv6: options.ipv6 }),
    Labels: pairs('label', options.label ?? []),
    Options: pairs('option', options.opt ?? []),
    IPAM: {
      Driver: options.ipamDriver ?? 'default',
      Options: pairs('IPAM option', options.ipamOpt ?? []),
      Config: ipamConfig(options),
    },
  };
  const { Id, Warning } = await connect().call<{ Id: string; Warning?: string }>('POST', '/networks/create', {
    body,
  });
  if (Warning !== undefined && Warning !== '') printError(`WARNING: ${Warning}\n`);
  print(`${Id}\n`);
  return 0;
}

/** One entry a subnet; gateways, ranges and auxiliary addresses go with them in their order. */
function ipamConfig({ subnet = [], gateway = [], ipRange = [], auxAddress = [] }: CreateOptions): object[] {
  if (subnet.length === 0 && gateway.length + ipRange.length + auxAddress.length > 0) {
    throw new Failure('every --gateway, --ip-range or --aux-address must have a corresponding --subnet');
  }
  if (gateway.length > subnet.length || ipRange.length > subnet.length) {
    throw new Failure('there are more gateways or ranges than subnets');
  }
  return subnet.map((prefix, index) => ({
    Subnet: prefix,
    ...(gateway[index] === undefined ? {} : { Gateway: gateway[index] }),
    ...(ipRange[index] === undefined ? {} : { IPRange: ipRange[index] }),
    ...(index === 0 && auxAddress.length > 0
      ? { AuxiliaryAddresses: pairs('auxiliary address', auxAddress) }
      : {}),
  }));
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
  const parser = command('network connect', '[OPTIONS] NETWORK CONTAINER', 'Connect a container to a network')
    .option('--alias <name>', 'a further name there', collect)
    .option('--ip <address>', 'IPv4 address there')
    .option('--driver-opt <option>', 'NAME=VALUE for the driver', collect);
  const operands = parse(parser, argv);
  if (operands === undefined) return 0;
  needOperands(parser, operands, 2, 2);
  const [network = '', Container] = operands;
  const { alias, ip, driverOpt } = parser.opts<{ alias?: string[]; ip?: string; driverOpt?: string[] }>();
  const EndpointConfig = {
    ...(alias === undefined ? {} : { Aliases: alias }),
    ...(ip === undefined ? {} : { IPAMConfig: { IPv4Address: ip } }),
    ...(driverOpt === undefined ? {} : { DriverOpts: pairs('option', driverOpt) }),
  };
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
  if (force !== true && !(await confirmed())) return 0;
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

async function confirmed(): Promise<boolean> {
  const { createInterface } = await import('node:readline/promises');
  const questions = createInterface({ input: process.stdin, output: process.stderr });
  const question =
    'WARNING! This will remove all custom networks not used by at least one container.\nAre you sure you want to continue? [y/N] ';
  const answer = await questions.question(question);
  questions.close();
  return /^y(es)?$/i.test(answer.trim());
}
