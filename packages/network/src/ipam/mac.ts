import { createHash } from 'node:crypto';
import { BerthError } from '@berth/core';

/** The hardware address that goes with an IPv4 address: `02:42:` and its four bytes, as Docker has it. */
export function macOf(ipv4: string): string {
  const bytes = ipv4.split('.').map((part) => Number(part).toString(16).padStart(2, '0'));
  return ['02', '42', ...bytes].join(':');
}

/** A hardware address for an interface without an IPv4 address: locally administered (IEEE 802), from its id. */
export function macOfId(id: string): string {
  const bytes = createHash('sha256').update(id).digest();
  const rest = [...bytes.subarray(0, 5)].map((byte) => byte.toString(16).padStart(2, '0'));
  return ['02', ...rest].join(':');
}

/**
 * Checks a hardware address that a user has chosen.
 *
 * @returns it, in lower case
 * @throws BerthError `invalid`
 */
export function checkMac(text: string): string {
  const mac = text.toLowerCase().replaceAll('-', ':');
  const right = 'it should be six bytes like 02:42:ac:11:00:02';
  if (!/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/.test(mac)) {
    throw new BerthError('invalid', `invalid MAC address ${text}: ${right}`, { subject: text });
  }
  // IEEE 802, section 8.2: the lowest bit of the first byte tells a group from a station.
  if ((Number.parseInt(mac.slice(0, 2), 16) & 1) === 1 || mac === '00:00:00:00:00:00') {
    throw new BerthError('invalid', `invalid MAC address ${text}: it is no single station's, ${right}`, {
      subject: text,
    });
  }
  return mac;
}
