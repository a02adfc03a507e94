import { join } from 'node:path';
import { BerthError, toError } from '@berth/core';
import { linkRequests, NetworkNamespace, Nftables, RouteSocket, warmThreadPool } from '@berth/kernel';

/**
 * Tries, in a namespace made for it, what containers' networks are built of. It must run before the daemon holds many
 * descriptors: libnftables cannot use one above 1023.
 *
 * @throws BerthError `unavailable`, naming the kernel feature that is missing
 */
export async function requireKernel(execRoot: string): Promise<void> {
  // libuv's threads keep the namespace they were born in: they must all be born in the host's.
  await warmThreadPool();
  const path = join(execRoot, 'probe');
  NetworkNamespace.remove(path);
  const namespace = feature('network namespaces (CONFIG_NET_NS)', () => NetworkNamespace.create(path));
  try {
    const links = feature('rtnetlink', () => RouteSocket.open(namespace));
    try {
      feature('veth links (CONFIG_VETH, module veth)', () =>
        links.run(linkRequests.addVeth({ name: 'probe0', peer: { name: 'probe1' } })),
      );
      feature('bridges (CONFIG_BRIDGE, module bridge)', () =>
        links.run(linkRequests.addBridge({ name: 'probe2' })),
      );
    } finally {
      links.close();
    }
  } finally {
    namespace.close();
    NetworkNamespace.remove(path);
  }
  // One transaction, which leaves nothing behind.
  feature(
    'nftables with NAT in family inet (CONFIG_NF_TABLES_INET, CONFIG_NFT_NAT, modules nf_tables, nft_chain_nat)',
    () => {
      const nftables = Nftables.open();
      try {
        nftables.run(
          'add table inet berth-probe; ' +
            'add chain inet berth-probe nat { type nat hook prerouting priority dstnat; }; ' +
            'delete table inet berth-probe',
        );
      } finally {
        nftables.close();
      }
    },
  );
}

function feature<T>(name: string, attempt: () => T): T {
  try {
    return attempt();
  } catch (cause) {
    const reason = toError(cause).message;
    throw new BerthError('unavailable', `this kernel lacks, or does not let us use, ${name}: ${reason}`, {
      cause,
    });
  }
}
