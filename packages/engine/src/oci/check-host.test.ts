import { describe, expect, it } from 'vitest';
import type { ContainerSpec, HostSpec } from '../model.js';
import { HOST, SPEC } from '../spec.fixture.js';
import { cgroupAbilities } from './cgroup-abilities.js';
import { checkHost } from './check-host.js';

describe('checkHost', () => {
  const abilities = { ...cgroupAbilities([]), version: 2, cgroupNamespaces: false } as const;
  const check = (host: Partial<HostSpec>, spec: Partial<ContainerSpec> = {}) =>
    checkHost({ ...SPEC, ...spec, host: { ...HOST, ...host } }, abilities);

  it.each<[Partial<HostSpec>, string]>([
    [{ ipcMode: 'public' }, 'invalid IPC mode: public'],
    [{ ipcMode: 'container:' }, 'invalid IPC mode: container:'],
    [{ pidMode: 'private' }, 'invalid PID mode: private'],
    [{ utsMode: 'private' }, 'invalid UTS mode: private'],
    [{ usernsMode: 'keep-id' }, 'invalid user namespace mode: keep-id'],
    [{ cgroupnsMode: 'none' }, 'invalid cgroup namespace mode: none'],
    [{ oomScoreAdj: 1001 }, 'Invalid value 1001, range for oom score adj is [-1000, 1000]'],
    [{ securityOptions: ['nonsense'] }, 'invalid --security-opt 1: "nonsense"'],
    [{ securityOptions: ['colour=red'] }, 'invalid --security-opt 2: "colour=red"'],
    [{ securityOptions: ['apparmor=mine'] }, 'AppArmor profiles are not supported by Berth yet'],
    [{ securityOptions: ['seccomp={'] }, 'Decoding seccomp profile failed'],
    [{ sysctls: { 'kernel.panic': '1' } }, 'sysctl "kernel.panic" is not in a separate kernel namespace'],
    [{ sysctls: { 'net/../kernel/panic': '1' } }, 'invalid sysctl: "net/../kernel/panic"'],
    [{ cgroupParent: '/a\0b' }, 'invalid cgroup parent: "/a\\u0000b"'],
    [{ shmSize: -1 }, 'SHM size can not be less than 0'],
    [{ sysctls: { 'net.a.b': '1' }, networkMode: 'host' }, 'not allowed in host network namespace'],
    [{ sysctls: { 'kernel.msgmax': '1' }, ipcMode: 'host' }, 'not allowed in host IPC namespace'],
    [{ sysctls: { 'net.ipv4.conf.eth0.log_martians': '1' } }, 'must be supplied using driver option'],
    [
      { mounts: [{ type: 'tmpfs', target: '/x', options: [['colour', 'red']] }] },
      'invalid tmpfs option ["colour=red"]',
    ],
    [{ tmpfs: { '/x': 'size' } }, 'invalid tmpfs option ["size"]'],
    [{ annotations: { '': 'x' } }, 'the empty string is not permitted as an annotation key'],
    [{ devices: [{ pathOnHost: 'x', pathInContainer: '/x', permissions: 'r' }] }, 'paths must be absolute'],
    [{ devices: [{ pathOnHost: '/x', pathInContainer: '/x', permissions: 'x' }] }, 'invalid device mode: x'],
  ])('refuses %j', (host, message) => {
    expect(() => check(host)).toThrow(message);
  });

  it('fills in what was left open, and says what the kernel lacks', () => {
    const { host, warnings } = check({ resources: { memory: 8 * 1024 * 1024 } });
    expect(host).toMatchObject({ ipcMode: 'private', cgroupnsMode: 'host' });
    expect(warnings.map((text) => text.slice(0, 46))).toEqual([
      'Your kernel does not support memory limit capa',
      'Your kernel does not support cgroup namespaces',
    ]);
    expect(() => check({ utsMode: 'host' }, { hostname: 'x' })).toThrow('hostname and the UTS mode');
  });
});
