import { BERTH } from '../../box/index.js';
import { expectMatch, type Chapter, type Walkthrough } from '../step.js';

async function moveIntoPlace(walk: Walkthrough, namespace: string): Promise<void> {
  await walk.berth('ip', 'link', 'set', 'dev', 'veth0', 'name', `${namespace}-bridge`, 'netns', namespace);
  await walk.berth('ip', 'link', 'set', 'dev', 'veth1', 'name', `bridge-${namespace}`, 'netns', 'bridge');
}

async function inBridge(walk: Walkthrough, ...command: string[]): Promise<string> {
  return walk.berth('ip', 'netns', 'exec', 'bridge', BERTH, ...command);
}

/** The text's part on bridges: two namespaces joined by a bridge in a third. */
export const bridge: Chapter = {
  title: 'A bridge joins several namespaces',
  steps: [
    {
      text: 'ip netns add ns3\nip netns add ns4\nip netns add bridge',
      says: 'three more namespaces',
      run: async (walk) => {
        for (const name of ['ns3', 'ns4', 'bridge']) await walk.berth('ip', 'netns', 'add', name);
        expectMatch(await walk.berth('ip', 'netns', 'list'), /^bridge$/m, /^ns4$/m, /^ns3$/m);
      },
    },
    {
      text: 'ip link add type veth\nip link',
      says: 'the kernel names the pair veth0 and veth1',
      run: async (walk) => {
        await walk.berth('ip', 'link', 'add', 'type', 'veth');
        expectMatch(await walk.berth('ip', 'link'), /^\d+: veth0@veth1: /m, /^\d+: veth1@veth0: /m);
      },
    },
    {
      text: 'ip link set dev veth0 name ns3-bridge netns ns3\nip link set dev veth1 name bridge-ns3 netns bridge',
      says: 'renamed and moved in one command each',
      run: (walk) => moveIntoPlace(walk, 'ns3'),
    },
    {
      text: 'ip link add type veth\nip link set dev veth0 name ns4-bridge netns ns4\nip link set dev veth1 name bridge-ns4 netns bridge',
      says: 'a second pair, for ns4',
      run: async (walk) => {
        await walk.berth('ip', 'link', 'add', 'type', 'veth');
        await moveIntoPlace(walk, 'ns4');
      },
    },
    {
      text: 'ip netns exec ns4 ip a\nip netns exec ns3 ip a\nip netns exec bridge ip a',
      says: 'ns3 and ns4 have one end each, bridge the two others; the numbers of a pair point at each other',
      run: async (walk) => {
        const inside = await walk.berth('ip', '-n', 'bridge', 'a');
        for (const name of ['ns3', 'ns4']) {
          const end = new RegExp(`^(\\d+): ${name}-bridge@if(\\d+): `, 'm').exec(
            await walk.berth('ip', '-n', name, 'a'),
          );
          expectMatch(inside, new RegExp(`^${end?.[2]}: bridge-${name}@if${end?.[1]}: `, 'm'));
        }
      },
    },
    {
      text: 'ip netns exec bridge brctl addbr br\nip netns exec bridge ip link set dev br up',
      says: 'a bridge named br, up',
      run: async (walk) => {
        await inBridge(walk, 'brctl', 'addbr', 'br');
        await inBridge(walk, 'ip', 'link', 'set', 'dev', 'br', 'up');
        expectMatch(await inBridge(walk, 'brctl', 'show'), /^br\t/m);
      },
    },
    {
      text: 'ip netns exec bridge ip link set dev bridge-ns3 up\nip netns exec bridge ip link set dev bridge-ns4 up\nip netns exec bridge brctl addif br bridge-ns3\nip netns exec bridge brctl addif br bridge-ns4',
      says: 'both ends are ports of br',
      run: async (walk) => {
        for (const port of ['bridge-ns3', 'bridge-ns4']) {
          await inBridge(walk, 'ip', 'link', 'set', 'dev', port, 'up');
          await inBridge(walk, 'brctl', 'addif', 'br', port);
        }
        expectMatch(await inBridge(walk, 'brctl', 'show'), /bridge-ns3/, /bridge-ns4/);
        expectMatch(await walk.berth('ip', '-n', 'bridge', 'link'), /bridge-ns3@if\d+: .* master br /);
      },
    },
    {
      text: 'ip netns exec ns3 ip link set dev ns3-bridge up\nip netns exec ns3 ip address add 192.168.0.13/24 dev ns3-bridge\nip netns exec ns4 ip link set dev ns4-bridge up\nip netns exec ns4 ip address add 192.168.0.14/24 dev ns4-bridge',
      says: 'ns3 and ns4 have addresses',
      run: async (walk) => {
        for (const [name, address] of [
          ['ns3', '192.168.0.13/24'] as const,
          ['ns4', '192.168.0.14/24'] as const,
        ]) {
          await walk.berth('ip', '-n', name, 'link', 'set', 'dev', `${name}-bridge`, 'up');
          await walk.berth('ip', '-n', name, 'address', 'add', address, 'dev', `${name}-bridge`);
        }
      },
    },
    {
      text: 'ip netns exec ns3 ping 192.168.0.14\nip netns exec ns4 ping 192.168.0.13',
      says: 'ns3 and ns4 reach each other through the bridge',
      run: async (walk) => {
        for (const [from, to] of [['ns3', '192.168.0.14'] as const, ['ns4', '192.168.0.13'] as const]) {
          const ping = await walk.berth('ip', 'netns', 'exec', from, 'ping', '-c2', '-i0.2', '-W2', to);
          expectMatch(ping, / 0% packet loss/);
        }
        expectMatch(await inBridge(walk, 'brctl', 'showmacs', 'br'), /^port no\tmac addr/m);
      },
    },
    {
      text: 'ip netns delete ns1 … bridge',
      says: 'what is in a namespace goes with it',
      run: async (walk) => {
        for (const name of ['ns1', 'ns2', 'ns3', 'ns4', 'bridge'])
          await walk.berth('ip', 'netns', 'delete', name);
        const shown = await walk.berth('ip', 'link');
        if (/veth|ns[1-4]/.test(shown)) throw new Error(`links are left:\n${shown}`);
      },
    },
  ],
};
