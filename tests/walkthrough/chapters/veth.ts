import { expectMatch, type Chapter } from '../step.js';

/** The text's part on veth pairs: a cable between two namespaces. */
export const veth: Chapter = {
  title: 'A veth pair joins two namespaces',
  steps: [
    {
      text: 'ip link add veth-ns1 type veth peer name veth-ns2\nip link',
      says: 'both ends are there, each naming the other, DOWN',
      run: async (walk) => {
        await walk.berth('ip', 'link', 'add', 'veth-ns1', 'type', 'veth', 'peer', 'name', 'veth-ns2');
        expectMatch(
          await walk.berth('ip', 'link'),
          /^\d+: veth-ns2@veth-ns1: <BROADCAST,MULTICAST,M-DOWN> mtu 1500 qdisc noop state DOWN mode DEFAULT/m,
          /^\d+: veth-ns1@veth-ns2: <BROADCAST,MULTICAST,M-DOWN> mtu 1500 qdisc noop state DOWN mode DEFAULT/m,
        );
      },
    },
    {
      text: 'ip link set veth-ns1 netns ns1\nip link set veth-ns2 netns ns2',
      says: 'the ends are in ns1 and ns2, numbered as a pair (@ifN, link-netnsid), still DOWN',
      run: async (walk) => {
        await walk.berth('ip', 'link', 'set', 'veth-ns1', 'netns', 'ns1');
        await walk.berth('ip', 'link', 'set', 'veth-ns2', 'netns', 'ns2');
        const left = await walk.berth('ip', '-n', 'ns1', 'link');
        const right = await walk.berth('ip', '-n', 'ns2', 'link');
        const one =
          /^(\d+): veth-ns1@if(\d+): <BROADCAST,MULTICAST> .*state DOWN.*\n.*link-netns(id)? /m.exec(left);
        const two =
          /^(\d+): veth-ns2@if(\d+): <BROADCAST,MULTICAST> .*state DOWN.*\n.*link-netns(id)? /m.exec(right);
        if (one === null || two === null || one[1] !== two[2] || one[2] !== two[1]) {
          throw new Error(`the ends do not name each other:\n${left}\n${right}`);
        }
      },
    },
    {
      text: 'ip netns exec ns1 ip link set veth-ns1 up\nip netns exec ns2 ip link set veth-ns2 up',
      says: 'both are UP, LOWER_UP',
      run: async (walk) => {
        await walk.berth('ip', '-n', 'ns1', 'link', 'set', 'veth-ns1', 'up');
        await walk.berth('ip', '-n', 'ns2', 'link', 'set', 'veth-ns2', 'up');
        for (const name of ['ns1', 'ns2']) {
          const shown = await walk.berth('ip', '-n', name, 'link');
          expectMatch(
            shown,
            /veth-ns\d@if\d+: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP/,
          );
        }
      },
    },
    {
      text: 'ip netns exec ns1 ip addr add 192.168.0.11/24 dev veth-ns1\nip netns exec ns2 ip addr add 192.168.0.12/24 dev veth-ns2',
      says: 'each end has its address',
      run: async (walk) => {
        await walk.berth('ip', '-n', 'ns1', 'addr', 'add', '192.168.0.11/24', 'dev', 'veth-ns1');
        await walk.berth('ip', '-n', 'ns2', 'addr', 'add', '192.168.0.12/24', 'dev', 'veth-ns2');
        expectMatch(
          await walk.berth('ip', '-n', 'ns1', 'a'),
          /inet 192\.168\.0\.11\/24 scope global veth-ns1/,
        );
        expectMatch(
          await walk.berth('ip', '-n', 'ns2', 'a'),
          /inet 192\.168\.0\.12\/24 scope global veth-ns2/,
        );
      },
    },
    {
      text: 'ip netns exec ns1 ping 192.168.0.12\nip netns exec ns2 ping 192.168.0.11',
      says: 'ns1 and ns2 reach each other',
      run: async (walk) => {
        for (const [from, to] of [['ns1', '192.168.0.12'] as const, ['ns2', '192.168.0.11'] as const]) {
          const ping = await walk.berth('ip', 'netns', 'exec', from, 'ping', '-c2', '-i0.2', '-W2', to);
          expectMatch(ping, / 0% packet loss/);
        }
      },
    },
  ],
};
