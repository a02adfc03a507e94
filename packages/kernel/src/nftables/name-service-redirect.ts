import { nftChanges, type NftChange } from './changes.js';
import { expressions } from './expressions.js';
import { nftKeys } from './keys.js';

export interface NameServiceRedirect {
  /** The table, which is made anew. */
  readonly table: string;
  /** The address that clients ask, and on which the servers listen. */
  readonly address: string;
  readonly udpPort: number;
  readonly tcpPort: number;
}

/** Domain (RFC 1035, 4.2). */
const DOMAIN_PORT = 53;
/** NF_IP_PRI_NAT_DST (include/uapi/linux/netfilter_ipv4.h). */
const PRIORITY_DSTNAT = -100;

/**
 * The ruleset inside a sandbox that sends questions to port 53 of an address to the ports on which its servers listen
 * there; answers come back from port 53, since connection tracking knows the way. Port 53 of all other addresses,
 * 0.0.0.0 included, stays the container's own. A table of that name is replaced.
 */
export function nameServiceRedirect({ table, address, udpPort, tcpPort }: NameServiceRedirect): NftChange[] {
  const target = nftKeys.address(address);
  const rule = (protocol: 'udp' | 'tcp', port: number): NftChange =>
    nftChanges.addRule({
      family: 'ip',
      table,
      chain: 'output',
      expressions: [
        expressions.payload('ipDestination'),
        expressions.equals(target),
        expressions.transportProtocol(),
        expressions.equals(nftKeys.protocol(protocol)),
        expressions.payload('destinationPort'),
        expressions.equals(nftKeys.service(DOMAIN_PORT)),
        ...expressions.destinationNat(target, nftKeys.service(port)),
      ],
    });
  return [
    // Adding before deleting lets the deletion succeed whether or not there was a table.
    nftChanges.addTable('ip', table),
    nftChanges.deleteTable('ip', table),
    nftChanges.addTable('ip', table),
    nftChanges.addChain({
      family: 'ip',
      table,
      name: 'output',
      type: 'nat',
      hook: 'output',
      priority: PRIORITY_DSTNAT,
    }),
    rule('udp', udpPort),
    rule('tcp', tcpPort),
  ];
}
