import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from './box/index.js';
import { useBox } from './box/fixture.js';

const fixture = useBox();
const berth = (...args: string[]) => fixture.box.berth(...args);
const tryBerth = (...args: string[]) => fixture.box.tryBerth(...args);
const sleeper = (name: string, ...flags: string[]) => fixture.box.sleeper(name, ...flags);
const inside = (name: string, ...command: string[]) => berth('exec', name, ...command);

beforeAll(async () => {
  await berth('network', 'create', '--subnet', '10.78.0.0/24', 'sea');
  await berth('network', 'create', '--subnet', '10.79.0.0/24', 'land');
});
afterEach(async () => {
  await fixture.box.removeContainers();
});

describe('/etc/hosts', () => {
  test('has the container’s own name for each network, and follows connect and disconnect', async () => {
    await sleeper('box', '--network', 'sea', '--ip', '10.78.0.9', '-h', 'harbour', '--domainname', 'example');
    expect(await inside('box', 'cat', '/etc/hosts')).toBe(
      '127.0.0.1\tlocalhost\n10.78.0.9\tharbour.example harbour',
    );
    await berth('network', 'connect', '--ip', '10.79.0.9', 'land', 'box');
    expect(await inside('box', 'cat', '/etc/hosts')).toContain('10.79.0.9\tharbour.example harbour');
    await berth('network', 'disconnect', 'land', 'box');
    expect(await inside('box', 'cat', '/etc/hosts')).not.toContain('10.79.0.9');
  });

  test('keeps what the container’s users write', async () => {
    await sleeper('box', '--network', 'sea', '--ip', '10.78.0.9');
    await inside('box', 'sh', '-c', 'echo "192.0.2.1 mine" >> /etc/hosts');
    await berth('network', 'connect', '--ip', '10.79.0.9', 'land', 'box');
    const joined = await inside('box', 'cat', '/etc/hosts');
    expect(joined).toContain('192.0.2.1 mine');
    expect(joined).toContain('10.79.0.9\t');
    await berth('network', 'disconnect', 'land', 'box');
    const left = await inside('box', 'cat', '/etc/hosts');
    expect(left).toContain('192.0.2.1 mine');
    expect(left).toContain('10.78.0.9\t');
    expect(left).not.toContain('10.79.0.9');
  });

  test('has lines for IPv6 only where there is IPv6', async () => {
    await berth('network', 'create', '--ipv6', '--subnet', 'fd00:78::/64', 'six');
    await sleeper('four', '--network', 'sea');
    await sleeper('both', '--network', 'six');
    expect(await inside('four', 'cat', '/etc/hosts')).not.toContain('::');
    const lines = await inside('both', 'cat', '/etc/hosts');
    expect(lines).toContain('::1\tlocalhost');
    expect(lines).toContain('fd00:78::2\t');
    await berth('rm', '-f', 'four', 'both');
    await berth('network', 'rm', 'six');
  });
});

describe('the host', () => {
  test('is host.docker.internal, without being asked for, on every network that reaches it', async () => {
    await sleeper('custom', '--network', 'sea');
    await sleeper('plain');
    const site = fixture.box.startOnHost('busybox', 'httpd', '-f', '-p', '8099', '-h', '/etc');
    const ended = new Promise((resolve) => site.once('close', resolve));
    await eventually('the site is up', async () => (await fixture.box.host('ss', '-Hltn')).includes(':8099'));
    for (const name of ['custom', 'plain']) {
      const page = await inside(name, 'wget', '-qO-', 'http://host.docker.internal:8099/hostname');
      expect(page).not.toBe('');
    }
    expect(await inside('custom', 'nslookup', 'host.docker.internal')).toContain('10.78.0.1');
    site.kill();
    await ended;
    await sleeper('own', '--network', 'sea', '--add-host', 'host.docker.internal:192.0.2.5');
    expect(await inside('own', 'ping', '-c', '1', '-W', '1', 'host.docker.internal').catch(String)).toContain(
      '192.0.2.5',
    );
  });
});

describe('/etc/resolv.conf', () => {
  test('takes search domains and options, and none with a dot', async () => {
    const flags = ['--dns-search', 'example.com', '--dns-option', 'timeout:1', '--dns-option', 'ndots:2'];
    await sleeper('box', '--network', 'sea', ...flags);
    expect(await inside('box', 'cat', '/etc/resolv.conf')).toBe(
      'nameserver 127.0.0.11\nsearch example.com\noptions timeout:1 ndots:2',
    );
    await sleeper('bare', '--network', 'sea', '--dns-search', '.');
    expect(await inside('bare', 'cat', '/etc/resolv.conf')).not.toContain('search');
  });

  test('that the container has changed is left alone', async () => {
    await sleeper('box');
    await inside('box', 'sh', '-c', 'echo "nameserver 192.0.2.53" > /etc/resolv.conf');
    await berth('network', 'connect', 'sea', 'box');
    expect(await inside('box', 'cat', '/etc/resolv.conf')).toBe('nameserver 192.0.2.53');
  });

  test('names the name service from the first network with names on, and the host’s servers after the last', async () => {
    await sleeper('box');
    const before = await inside('box', 'cat', '/etc/resolv.conf');
    expect(before).toContain('nameserver 198.51.100.2');
    await berth('network', 'connect', 'sea', 'box');
    expect(await inside('box', 'cat', '/etc/resolv.conf')).toContain('nameserver 127.0.0.11');
    await berth('network', 'disconnect', 'sea', 'box');
    expect(await inside('box', 'cat', '/etc/resolv.conf')).toBe(before);
    // Nothing is left of it in the container's network.
    expect(await berth('nsexec', 'box', '--', 'nft', 'list', 'ruleset')).toBe('');
    expect(await berth('nsexec', 'box', '--', 'ss', '-Hlun')).toBe('');
  });
});

describe('names', () => {
  test('of a container are its hostname, too', async () => {
    await sleeper('box', '--network', 'sea', '--ip', '10.78.0.9', '-h', 'harbour');
    await sleeper('asker', '--network', 'sea');
    expect(await inside('asker', 'nslookup', 'harbour')).toContain('10.78.0.9');
  });

  test.each(['two words', '*', '-leading', 'ünicode', 'a..b', 'x'.repeat(64), ''])(
    'that are none are refused with the reason: "%s"',
    async (alias) => {
      const refused = await tryBerth(
        ...['run', '-d', '--name', 'box', '--network', 'sea', '--network-alias', alias, 'busybox', 'true'],
      );
      expect(refused.status).toBe(125);
      expect(refused.stderr).toContain('invalid network-scoped alias');
      await sleeper('box', '--network', 'sea');
      expect((await tryBerth('network', 'connect', '--alias', alias, 'land', 'box')).stderr).toContain(
        'invalid network-scoped alias',
      );
    },
  );
});
