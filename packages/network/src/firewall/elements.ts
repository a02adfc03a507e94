import { nftKeys, type NftElements } from '@berth/kernel';
import { TABLE, type FirewallNetwork, type FirewallPort } from './ruleset.js';

/** The set and map elements that stand for a network. */
export function networkElements(network: FirewallNetwork): NftElements[] {
  const name = { key: nftKeys.interfaceName(network.bridge) };
  const pair = { key: nftKeys.concat(name.key, name.key) };
  return [
    inSet('bridges', [name]),
    inSet('hairpin', [pair]),
    ...(network.icc ? [inSet('siblings', [pair])] : []),
    ...(network.internal ? [inSet('internal', [name])] : []),
    ...(network.masquerade ? [inSet('masqueraded', [name])] : []),
  ];
}

/** The map elements that stand for published ports. */
export function portElements(ports: readonly FirewallPort[]): NftElements[] {
  const everywhere: NftElements['elements'][number][] = [];
  const at: NftElements['elements'][number][] = [];
  for (const { protocol, hostAddress, hostPort, address, port } of ports) {
    const service = [nftKeys.protocol(protocol), nftKeys.service(hostPort)];
    const data = nftKeys.concat(nftKeys.address(address), nftKeys.service(port));
    if (hostAddress === undefined) everywhere.push({ key: nftKeys.concat(...service), data });
    else at.push({ key: nftKeys.concat(nftKeys.address(hostAddress), ...service), data });
  }
  return [
    ...(everywhere.length > 0 ? [inSet('published', everywhere)] : []),
    ...(at.length > 0 ? [inSet('published_at', at)] : []),
  ];
}

function inSet(set: string, elements: NftElements['elements']): NftElements {
  return { family: 'inet', table: TABLE, set, elements };
}
