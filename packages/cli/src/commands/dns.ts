import { connect } from '../client/api-client.js';
import { print } from '../terminal/output.js';
import { Failure, command, needOperands, parse } from './command.js';

/** What names of containers end in, for who asks from the host. */
const DOMAIN = 'berth.internal';

interface Info {
  /** `ADDRESS:PORT`, or empty. */
  readonly DnsListen?: string;
}

/** `berth dns` */
export async function dns(argv: readonly string[]): Promise<number> {
  const parser = command('dns', '', 'Tell how the host itself finds containers by their names');
  const operands = parse(parser, argv);
  if (operands === undefined) return 0;
  needOperands(parser, operands, 0, 0);
  const { DnsListen: listen = '' } = await connect().call<Info>('GET', '/info');
  if (listen === '') {
    throw new Failure(
      'the daemon does not answer the host: start it with --dns-listen ADDRESS:PORT, a loopback address, e.g. 127.0.0.54:53',
    );
  }
  print(guide(listen));
  return 0;
}

/** How to point the resolvers that hosts have at the daemon's listener. */
export function guide(listen: string): string {
  const [, address = '', port = ''] = /^\[?([^\]]*)\]?:(\d+)$/.exec(listen) ?? [];
  const server = port === '53' ? address : listen;
  return `The daemon answers NAME.NETWORK.${DOMAIN} at ${listen}:

    dig @${address} -p ${port} web.sea.${DOMAIN}

systemd-resolved, in /etc/systemd/resolved.conf.d/berth.conf, then systemctl restart systemd-resolved:

    [Resolve]
    DNS=${server}
    Domains=~${DOMAIN}

dnsmasq, in /etc/dnsmasq.d/berth.conf, then systemctl restart dnsmasq:

    server=/${DOMAIN}/${address}#${port}

Without either, as a further line of /etc/resolv.conf (port 53 only; names that are not ours are refused, and the next server is asked):

    nameserver ${address}
`;
}
