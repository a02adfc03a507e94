import { randomBytes } from 'node:crypto';
import { BerthError } from '@berth/core';

/** dockerd's `names.RestrictedNamePattern`. */
const NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/;
/** NAME_MAX of include/uapi/linux/limits.h: a volume's name is that of its directory. */
const LONGEST = 255;

/** The label that Docker gives volumes that nobody has named; `prune` takes only those by default. */
export const ANONYMOUS_LABEL = 'com.docker.volume.anonymous';

/**
 * Checks the name of a volume, which is also that of its directory.
 *
 * @throws BerthError `invalid`, in Docker's wording
 */
export function checkVolumeName(name: string): string {
  const refuse = (why: string) =>
    new BerthError('invalid', `create ${name.slice(0, LONGEST)}: ${why}`, { subject: name });
  if (name.length === 1)
    throw refuse('volume name is too short, names should be at least two alphanumeric characters');
  if (!NAME.test(name)) {
    throw refuse(
      `"${name}" includes invalid characters for a local volume name, only "[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed. If you intended to pass a host directory, use absolute path`,
    );
  }
  if (name.length > LONGEST)
    throw refuse(`the volume name has ${name.length} characters, ${LONGEST} are the most`);
  return name;
}

/** A name for a volume that nobody names: 64 hex digits. */
export function anonymousName(): string {
  return randomBytes(32).toString('hex');
}
