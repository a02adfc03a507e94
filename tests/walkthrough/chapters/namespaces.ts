import { expectMatch, expectSame, type Chapter, type Step } from '../step.js';

function loopbackUp(namespace: string): Step {
  return {
    text: `ip netns exec ${namespace} ifup lo\nip netns exec ${namespace} ip a`,
    says: 'lo is UP, its state UNKNOWN, with 127.0.0.1/8 and ::1/128',
    run: async (walk) => {
      await walk.berth('ip', '-n', namespace, 'link', 'set', 'lo', 'up');
      expectMatch(
        await walk.berth('ip', '-n', namespace, 'a'),
        /^1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN group default qlen 1000$/m,
        /inet 127\.0\.0\.1\/8 scope host lo/,
        /inet6 ::1\/128 scope host/,
      );
    },
  };
}

/** The text's part on network namespaces: make two, look inside, bring their loopback up. */
export const namespaces: Chapter = {
  title: 'Network namespaces',
  steps: [
    {
      text: 'ip netns list\nip netns add …\nip netns delete …',
      says: 'namespaces are listed, made and deleted',
      run: async (walk) => {
        await walk.berth('ip', 'netns', 'add', 'passing');
        expectMatch(await walk.berth('ip', 'netns', 'list'), /^passing$/m);
        // Interchangeable: iproute2 sees and removes what Berth made.
        expectMatch(await walk.host('ip', 'netns', 'list'), /^passing$/m);
        await walk.berth('ip', 'netns', 'delete', 'passing');
        expectSame('namespaces', await walk.berth('ip', 'netns', 'list'), '');
      },
    },
    {
      text: 'ip netns add ns1\nip netns exec ns1 ip a',
      says: 'ns1 has only lo, and it is DOWN',
      run: async (walk) => {
        await walk.berth('ip', 'netns', 'add', 'ns1');
        const shown = await walk.berth('ip', 'netns', 'exec', 'ns1', 'ip', 'a');
        expectMatch(shown, /^1: lo: <LOOPBACK> mtu 65536 qdisc noop state DOWN group default qlen 1000$/m);
        expectSame('the same by Berth', await walk.berth('ip', '-n', 'ns1', 'a'), shown);
      },
    },
    loopbackUp('ns1'),
    {
      text: 'ip netns add ns2\nip netns exec ns2 ip a',
      says: 'ns2 likewise',
      run: async (walk) => {
        await walk.berth('ip', 'netns', 'add', 'ns2');
        expectMatch(await walk.berth('ip', '-n', 'ns2', 'a'), /^1: lo: <LOOPBACK> .* state DOWN/m);
      },
    },
    loopbackUp('ns2'),
  ],
};
