import { OUTSIDE_ADDRESS, eventually } from '../../box/index.js';
import { expectMatch, type Chapter } from '../step.js';

/** The text's part on network interfaces: look at them, read `ip a`, change an address, take one down. */
export const interfaces: Chapter = {
  title: 'Interfaces in Linux',
  steps: [
    {
      text: 'ip link show',
      says: 'lists lo, eth0 and the bridge that waits for containers (no carrier, DOWN)',
      run: async (walk) => {
        const shown = await walk.berth('ip', 'link', 'show');
        expectMatch(
          shown,
          /^1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN mode DEFAULT group default qlen 1000$/m,
          /^\d+: eth0(@if\d+)?: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 .*state UP mode DEFAULT/m,
          /^\d+: berth0: <NO-CARRIER,BROADCAST,MULTICAST,UP> mtu 1500 qdisc noqueue state DOWN mode DEFAULT/m,
        );
      },
    },
    {
      text: 'ip a',
      says: 'adds the addresses: 127.0.0.1/8, the host address, 172.17.0.1/16 of the default bridge',
      run: async (walk) => {
        const shown = await walk.berth('ip', 'a');
        expectMatch(
          shown,
          /inet 127\.0\.0\.1\/8 scope host lo\n {7}valid_lft forever preferred_lft forever/,
          /inet 198\.51\.100\.1\/24 .*scope global eth0/,
          /inet 172\.17\.0\.1\/16 brd 172\.17\.255\.255 scope global berth0/,
        );
      },
    },
    {
      text: 'ls /sys/class/net',
      says: 'names all interfaces, as `ip link show` does',
      run: async (walk) => {
        const names = (await walk.host('ls', '/sys/class/net')).split('\n');
        const listed = await walk.berth('ip', '-br', 'link', 'show');
        const shown = listed.split('\n').map((line) => line.split(/[ @]/)[0]);
        for (const name of names)
          if (!shown.includes(name)) throw new Error(`${name} is not in ip link show`);
      },
    },
    {
      text: 'ip a, read field by field',
      here: '`berth ip --explain` says under each field what it means on this machine',
      says: 'BROADCAST, MULTICAST, UP, LOWER_UP, mtu, qdisc, state, group, qlen, link/ether, inet, scope, lifetimes',
      run: async (walk) => {
        const explained = await walk.berth('ip', '--explain', 'addr', 'show', 'dev', 'eth0');
        const fields =
          'BROADCAST MULTICAST UP LOWER_UP mtu qdisc state group qlen link/ether brd inet scope valid_lft';
        expectMatch(explained, ...fields.split(' ').map((field) => new RegExp(`^\\s+.*\\b${field}\\b`, 'm')));
        if (explained.split('\n').length < 14) throw new Error(`too little is explained:\n${explained}`);
      },
    },
    {
      text: 'ip addr add 192.168.0.100/24 dev eth0\nip a',
      says: 'the new address is bound to eth0',
      run: async (walk) => {
        await walk.berth('ip', 'addr', 'add', '192.168.0.100/24', 'dev', 'eth0');
        expectMatch(await walk.berth('ip', 'a'), /inet 192\.168\.0\.100\/24 scope global eth0/);
      },
    },
    {
      text: 'ip addr delete 192.168.0.100/24 dev eth0',
      says: 'the address is gone again',
      run: async (walk) => {
        await walk.berth('ip', 'addr', 'delete', '192.168.0.100/24', 'dev', 'eth0');
        if ((await walk.berth('ip', 'a')).includes('192.168.0.100'))
          throw new Error('the address is still there');
      },
    },
    {
      text: 'ifdown eth0 / ip link set eth0 down',
      says: 'the interface is switched off',
      run: async (walk) => {
        await walk.berth('ip', 'link', 'set', 'eth0', 'down');
        expectMatch(await walk.berth('ip', 'link', 'show', 'eth0'), /eth0.*state DOWN/);
      },
    },
    {
      text: 'ifup eth0 / ip link set eth0 up',
      here: 'the kernel forgot the default route with the link; `berth ip route add` gives it back, as ifup would',
      says: 'the interface is switched on',
      run: async (walk) => {
        await walk.berth('ip', 'link', 'set', 'eth0', 'up');
        await walk.berth('ip', 'route', 'add', 'default', 'via', OUTSIDE_ADDRESS);
        // The kernel notes a carrier a moment after the link is up.
        const up = /<BROADCAST,MULTICAST,UP,LOWER_UP>.*state UP/;
        await eventually('a carrier', async () =>
          up.test(await walk.box.berth('ip', 'link', 'show', 'eth0')),
        );
        expectMatch(await walk.berth('ip', 'link', 'show', 'eth0'), up);
        await walk.host('ping', '-c1', '-W2', OUTSIDE_ADDRESS);
      },
    },
  ],
};
