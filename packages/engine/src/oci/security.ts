import { BerthError } from '@berth/core';
import { parseProfile, type CustomProfile } from './seccomp-custom.js';

/** What `SecurityOpt` asks for. */
export interface Security {
  readonly noNewPrivileges: boolean;
  /** Absent: Docker's default profile (none for a privileged container). */
  readonly seccomp?: 'unconfined' | 'builtin' | CustomProfile;
}

/**
 * Reads `SecurityOpt`: what confines a container here is seccomp alone, and anything else can only be turned off.
 *
 * @throws BerthError `invalid`, in Docker's wording; `unsupported` for what this engine cannot confine with
 */
export function parseSecurity(options: readonly string[]): Security {
  let security: Security = { noNewPrivileges: false };
  for (const option of options) {
    if (option === 'no-new-privileges') security = { ...security, noNewPrivileges: true };
    else if (option !== 'disable') security = { ...security, ...parseOption(option) };
  }
  return security;
}

function parseOption(option: string): Partial<Security> {
  // `name:value` is the old form.
  const [, name = '', value = ''] = /^([^=:]+)[=:]([\s\S]*)$/.exec(option) ?? [];
  switch (name) {
    case 'no-new-privileges':
      return { noNewPrivileges: boolean(option, value) };
    case 'seccomp':
      return { seccomp: value === 'unconfined' || value === 'builtin' ? value : parseProfile(value) };
    case 'apparmor':
      // A profile that is not loaded would confine nothing.
      if (value === 'unconfined') return {};
      throw unsupported(option, 'AppArmor profiles are not supported by Berth yet: apparmor=unconfined is');
    case 'label':
      if (value === 'disable') return {};
      throw unsupported(option, 'SELinux labels are not supported by Berth yet: label=disable is');
    case '':
      throw new BerthError('invalid', `invalid --security-opt 1: ${JSON.stringify(option)}`);
    default:
      throw new BerthError('invalid', `invalid --security-opt 2: ${JSON.stringify(option)}`);
  }
}

/** Go's strconv.ParseBool. */
function boolean(option: string, value: string): boolean {
  if (['1', 't', 'T', 'TRUE', 'true', 'True'].includes(value)) return true;
  if (['0', 'f', 'F', 'FALSE', 'false', 'False'].includes(value)) return false;
  throw new BerthError('invalid', `invalid --security-opt 2: ${JSON.stringify(option)}`);
}

function unsupported(option: string, why: string): BerthError {
  return new BerthError('unsupported', `security option ${JSON.stringify(option)}: ${why}`, {
    subject: option,
  });
}
