import { describe, expect, it } from 'vitest';
import { parseProfile, runtimeProfile } from './seccomp-custom.js';

describe("a profile of the user's", () => {
  const profile = parseProfile(
    JSON.stringify({
      defaultAction: 'SCMP_ACT_ALLOW',
      archMap: [{ architecture: 'SCMP_ARCH_X86_64', subArchitectures: ['SCMP_ARCH_X86'] }],
      syscalls: [
        { name: 'chmod', action: 'SCMP_ACT_ERRNO', errnoRet: 1, args: [] },
        { names: ['mount'], action: 'SCMP_ACT_ERRNO', excludes: { caps: ['CAP_SYS_ADMIN'] } },
        { names: ['bpf'], action: 'SCMP_ACT_ERRNO', includes: { minKernel: '7.0' } },
        { names: ['kill'], action: 'SCMP_ACT_ERRNO', includes: { arches: ['arm64'] } },
      ],
    }),
  );
  const names = (capabilities: string[], architecture = 'x64', kernel = '6.1.0-x') => {
    const made = runtimeProfile(profile, { capabilities, architecture, kernel });
    return (made as { syscalls: { names: string[] }[] }).syscalls.flatMap((rule) => rule.names);
  };

  it('holds where its conditions do', () => {
    expect(names([])).toEqual(['chmod', 'mount']);
    expect(names(['CAP_SYS_ADMIN'], 'arm64', '7.1')).toEqual(['chmod', 'bpf', 'kill']);
    expect(runtimeProfile(profile, { capabilities: [], architecture: 'x64' })).toMatchObject({
      architectures: ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86'],
      syscalls: [{ names: ['chmod'], action: 'SCMP_ACT_ERRNO', errnoRet: 1 }, {}],
    });
  });

  it('must be one', () => {
    for (const bad of ['[]', '{}', '{"defaultAction":"x","syscalls":[{}]}'])
      expect(() => parseProfile(bad)).toThrow('Decoding seccomp profile failed');
  });
});
