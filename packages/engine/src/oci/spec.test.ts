import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { HostSpec } from '../model.js';
import { HOST, SPEC } from '../spec.fixture.js';
import { ALL_CAPABILITIES, capabilities, DEFAULT_CAPABILITIES, ownCapabilities } from './capabilities.js';
import { seccompProfile } from './seccomp.js';
import { ociSpec, specText, type SpecInput } from './spec.js';
import { resolveUser } from './user.js';

function generate(host: Partial<HostSpec> = {}, input: Partial<SpecInput> = {}) {
  return ociSpec({
    spec: { ...SPEC, host: { ...HOST, ...host } },
    args: ['sh'],
    hostname: 'box',
    user: { uid: 0, gid: 0, additionalGids: [], home: '/root' },
    rootfs: '/r',
    cgroupsPath: '/berth/x',
    network: { path: '/run/netns/x' },
    mounts: [],
    files: { hosts: '/h', hostname: '/n', resolvConf: '/c' },
    ...input,
  });
}

describe('ociSpec', () => {
  it('gives a container what Docker gives one', () => {
    const { process, linux, mounts } = generate();
    expect(process.capabilities.bounding).toEqual([...DEFAULT_CAPABILITIES]);
    expect(process.env).toEqual([
      'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
      'HOSTNAME=box',
      'A=1',
      'HOME=/root',
    ]);
    expect(linux.namespaces).toContainEqual({ type: 'network', path: '/run/netns/x' });
    expect(linux.maskedPaths).toContain('/proc/kcore');
    expect(linux.seccomp).toMatchObject({ defaultAction: 'SCMP_ACT_ERRNO' });
    expect(mounts.find(({ destination }) => destination === '/dev/shm')?.options).toContain('size=67108864');
    expect(mounts.map(({ destination }) => destination)).toEqual(
      expect.arrayContaining(['/etc/hosts', '/etc/resolv.conf']),
    );
  });

  it('leaves the network alone in host mode', () => {
    const { linux } = generate({}, { network: 'host' });
    expect(linux.namespaces.map(({ type }) => type)).not.toContain('network');
    expect(linux.sysctl).toEqual({});
  });

  it('takes capabilities from one who is not root, but leaves them in the bounding set', () => {
    const { process } = generate({}, { user: { uid: 1000, gid: 1000, additionalGids: [], home: '/' } });
    expect(process.capabilities).toMatchObject({
      effective: [],
      permitted: [],
      bounding: [...DEFAULT_CAPABILITIES],
    });
  });

  it('mounts parents first, and lets a user replace /etc/hosts', () => {
    const mount = (destination: string) => ({
      type: 'bind' as const,
      source: '/s',
      destination,
      mode: 'ro',
      readWrite: false,
    });
    const { mounts } = generate({}, { mounts: [mount('/a/b'), mount('/a'), mount('/etc/hosts')] });
    const own = mounts.filter(({ source }) => source === '/s');
    expect(own.map(({ destination }) => destination)).toEqual(['/a', '/a/b', '/etc/hosts']);
    expect(own[0]?.options).toContain('rro');
    expect(mounts.filter(({ destination }) => destination === '/etc/hosts')).toHaveLength(1);
  });

  it('filters nothing for a privileged container', () => {
    const { linux, process } = generate({ privileged: true });
    expect(linux.seccomp).toBeUndefined();
    expect(process.capabilities.effective).toEqual(ownCapabilities());
  });
});

describe('capabilities', () => {
  it('adds and drops, with ALL', () => {
    expect(capabilities(['net_admin'], ['CHOWN'], false)).toContain('CAP_NET_ADMIN');
    expect(capabilities([], ['CHOWN'], false)).not.toContain('CAP_CHOWN');
    expect(capabilities(['NET_RAW'], ['ALL'], false)).toEqual(['CAP_NET_RAW']);
    const all = capabilities(['ALL'], ['SYS_ADMIN'], false, ALL_CAPABILITIES);
    expect(all).toHaveLength(ALL_CAPABILITIES.length - 1);
    expect(() => capabilities(['FLY'], [], false)).toThrow('unknown capability: "CAP_FLY"');
    expect(() => capabilities(['SYS_TIME'], [], false, ['CAP_CHOWN'])).toThrow(
      'not available in the current environment: "CAP_SYS_TIME"',
    );
    expect(ownCapabilities('CapEff:\t0000000000000005\n')).toEqual(['CAP_CHOWN', 'CAP_DAC_READ_SEARCH']);
    expect(ownCapabilities('CapEff:\t000001ffffffffff\n')).toEqual(ALL_CAPABILITIES);
  });
});

describe('seccompProfile', () => {
  const allowed = (held: string[], call: string) =>
    seccompProfile(held, 'x64').syscalls.some(
      ({ names, action, args }) => names.includes(call) && action === 'SCMP_ACT_ALLOW' && args === undefined,
    );

  it('allows what programs need and not what needs a capability', () => {
    for (const call of ['read', 'clone', 'mount', 'keyctl', 'io_uring_setup']) {
      expect([call, allowed([...DEFAULT_CAPABILITIES], call)]).toEqual([call, call === 'read']);
    }
    expect(allowed(['CAP_SYS_ADMIN'], 'mount')).toBe(true);
    expect(allowed([...DEFAULT_CAPABILITIES], 'chroot')).toBe(true);
  });

  it('lets clone make processes but no namespaces, and hides clone3', () => {
    const rules = seccompProfile([...DEFAULT_CAPABILITIES], 'x64').syscalls;
    expect(rules.find(({ names }) => names.includes('clone'))?.args).toEqual([
      { index: 0, value: 2114060288, valueTwo: 0, op: 'SCMP_CMP_MASKED_EQ' },
    ]);
    expect(rules.find(({ names }) => names.includes('clone3'))).toMatchObject({
      action: 'SCMP_ACT_ERRNO',
      errnoRet: 38,
    });
  });
});

describe('resolveUser', () => {
  let root: string;
  beforeAll(() => {
    root = mkdtempSync(join(tmpdir(), 'berth-user-'));
    mkdirSync(join(root, 'etc'));
    writeFileSync(join(root, 'etc/passwd'), 'root:x:0:0:root:/root:/bin/sh\nweb:x:33:33::/srv:/bin/sh\n');
    writeFileSync(join(root, 'etc/group'), 'web:x:33:\nlog:x:4:root,web\n');
  });
  afterAll(() => {
    rmSync(root, { recursive: true });
  });

  it('finds names and numbers', () => {
    expect(resolveUser(root, '')).toEqual({ uid: 0, gid: 0, additionalGids: [0, 4], home: '/root' });
    expect(resolveUser(root, 'web')).toEqual({ uid: 33, gid: 33, additionalGids: [33, 4], home: '/srv' });
    expect(resolveUser(root, 'web:log')).toMatchObject({ gid: 4, additionalGids: [4] });
    expect(resolveUser(root, '1234:99')).toEqual({ uid: 1234, gid: 99, additionalGids: [99], home: '/' });
    expect(resolveUser(root, 'web', ['log', '77'])).toMatchObject({ additionalGids: [33, 4, 77] });
    expect(() => resolveUser(root, 'web', ['x'])).toThrow('unable to find group x');
    expect(() => resolveUser(root, 'nobody')).toThrow(
      'unable to find user nobody: no matching entries in passwd file',
    );
    expect(() => resolveUser(root, 'web:x')).toThrow('unable to find group x');
    for (const wide of ['2147483648', '0:2147483648'])
      expect(() => resolveUser(root, wide)).toThrow('uids and gids must be in range 0-2147483647');
  });

  it('does not follow a link out of the image', () => {
    rmSync(join(root, 'etc/passwd'));
    symlinkSync('/etc/passwd', join(root, 'etc/passwd'));
    expect(() => resolveUser(root, 'root')).toThrow('unable to find user root');
  });
});

describe('what a client asks of the host', () => {
  const options = (mounts: ReturnType<typeof generate>['mounts'], at: string) =>
    mounts.find(({ destination }) => destination === at)?.options;

  it('is limits, ranks and rights of the first process', () => {
    const { process } = generate(
      {
        ulimits: [{ name: 'nofile', soft: 100, hard: -1 }],
        oomScoreAdj: 500,
        securityOptions: ['no-new-privileges', 'apparmor=unconfined'],
      },
      { init: '/usr/bin/tini-static' },
    );
    expect(process).toMatchObject({ oomScoreAdj: 500, noNewPrivileges: true });
    expect(process.args).toEqual(['/sbin/docker-init', '--', 'sh']);
    expect(specText(process)).toContain('"soft":100,"hard":18446744073709551615');
    expect(generate().process).toMatchObject({ noNewPrivileges: false });
  });

  it('is namespaces', () => {
    const types = (host: Partial<HostSpec>, input: Partial<SpecInput> = {}) =>
      generate(host, input).linux.namespaces.filter(({ type }) => type !== 'mount' && type !== 'network');
    expect(types({})).toEqual([{ type: 'uts' }, { type: 'ipc' }, { type: 'pid' }]);
    expect(types({ pidMode: 'host', ipcMode: 'host', utsMode: 'host' })).toEqual([]);
    expect(generate({ utsMode: 'host' }).hostname).toBeUndefined();
    expect(types({ cgroupnsMode: 'private', ipcMode: 'container:x' }, { joined: { ipc: '/i' } })).toEqual([
      { type: 'uts' },
      { type: 'ipc', path: '/i' },
      { type: 'pid' },
      { type: 'cgroup' },
    ]);
    expect(options(generate({ ipcMode: 'none' }).mounts, '/dev/shm')).toBeUndefined();
    expect(options(generate({ ipcMode: 'shareable' }, { shm: '/s' }).mounts, '/dev/shm')).toContain('rbind');
  });

  it('is memory to mount, with options of its own', () => {
    const { mounts } = generate({ tmpfs: { '/run/': 'exec,size=1m', '/dev/shm': '' } });
    expect(options(mounts, '/run')).toEqual(['nosuid', 'nodev', 'rprivate', 'exec', 'size=1m']);
    expect(mounts.filter(({ destination }) => destination === '/dev/shm')).toHaveLength(1);
    expect(() => generate({ tmpfs: { '/run': 'color=red' } })).toThrow('invalid tmpfs option ["color=red"]');
    expect(() => generate({ tmpfs: { run: '' } })).toThrow('mount path must be absolute');
  });

  it('is what is hidden, and the domain', () => {
    const { linux } = generate({ maskedPaths: [], readonlyPaths: ['/proc/bus'] });
    expect(linux).toMatchObject({ maskedPaths: [], readonlyPaths: ['/proc/bus'] });
    const spec = { ...SPEC, domainname: 'example.org' };
    expect(generate({}, { spec }).linux.sysctl).toMatchObject({ 'kernel.domainname': 'example.org' });
  });

  it('is all devices for a privileged container', () => {
    const { linux } = generate({ privileged: true });
    expect(linux.devices).toContainEqual(expect.objectContaining({ path: '/dev/null', major: 1, minor: 3 }));
    expect(linux.resources.devices).toEqual([{ allow: true, access: 'rwm' }]);
  });
});
