import {
  ALLOWED_PERSONALITIES,
  ALWAYS_ALLOWED,
  ARCHITECTURE_ALLOWED,
  CAPABILITY_ALLOWED,
  NAMESPACE_FLAGS,
  VSOCK_FAMILY,
} from './seccomp-rules.js';

interface SeccompArgument {
  readonly index: number;
  readonly value: number;
  readonly valueTwo?: number;
  readonly op: 'SCMP_CMP_EQ' | 'SCMP_CMP_NE' | 'SCMP_CMP_MASKED_EQ';
}

interface SeccompRule {
  readonly names: readonly string[];
  readonly action: 'SCMP_ACT_ALLOW' | 'SCMP_ACT_ERRNO';
  readonly errnoRet?: number;
  readonly args?: readonly SeccompArgument[];
}

/** The `linux.seccomp` part of an OCI configuration. */
export interface SeccompProfile {
  readonly defaultAction: 'SCMP_ACT_ERRNO';
  readonly defaultErrnoRet: number;
  readonly architectures: readonly string[];
  readonly syscalls: readonly SeccompRule[];
}

// asm-generic/errno-base.h and errno.h.
const EPERM = 1;
const ENOSYS = 38;

const ARCHITECTURES: Readonly<Record<string, readonly string[]>> = {
  x64: ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86', 'SCMP_ARCH_X32'],
  arm64: ['SCMP_ARCH_AARCH64', 'SCMP_ARCH_ARM'],
};

/**
 * Docker's default profile for a container with these capabilities.
 *
 * @param architecture Node's name of it
 */
export function seccompProfile(
  capabilities: readonly string[],
  architecture: string = process.arch,
): SeccompProfile {
  const admin = capabilities.includes('CAP_SYS_ADMIN');
  const names = new Set([
    ...Object.values(ALWAYS_ALLOWED).flatMap(words),
    ...words(ARCHITECTURE_ALLOWED[architecture] ?? ''),
    ...Object.entries(CAPABILITY_ALLOWED).flatMap(([name, calls]) =>
      capabilities.includes(name) ? words(calls) : [],
    ),
  ]);
  const syscalls: SeccompRule[] = [
    { names: [...names].sort(), action: 'SCMP_ACT_ALLOW' },
    allowWhen('socket', { index: 0, value: VSOCK_FAMILY, op: 'SCMP_CMP_NE' }),
    ...ALLOWED_PERSONALITIES.map((value) => allowWhen('personality', { index: 0, value, op: 'SCMP_CMP_EQ' })),
  ];
  if (!admin) {
    syscalls.push(
      allowWhen('clone', { index: 0, value: NAMESPACE_FLAGS, valueTwo: 0, op: 'SCMP_CMP_MASKED_EQ' }),
      // Its flags lie in memory, where a filter cannot look; told that there is no clone3, libc falls back to clone.
      { names: ['clone3'], action: 'SCMP_ACT_ERRNO', errnoRet: ENOSYS },
    );
  }
  return {
    defaultAction: 'SCMP_ACT_ERRNO',
    defaultErrnoRet: EPERM,
    architectures: ARCHITECTURES[architecture] ?? [],
    syscalls,
  };
}

function allowWhen(name: string, argument: SeccompArgument): SeccompRule {
  return { names: [name], action: 'SCMP_ACT_ALLOW', args: [argument] };
}

function words(text: string): string[] {
  return text.split(/\s+/).filter((word) => word !== '');
}
