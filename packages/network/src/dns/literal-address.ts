/**
 * dgram looks up the address of every send, and `dns.lookup` answers even a literal one in a later turn of
 * the event loop. Ours are always literal.
 */
export function literalAddress(
  hostname: string,
  _options: unknown,
  callback: (error: null, address: string, family: number) => void,
): void {
  callback(null, hostname, hostname.includes(':') ? 6 : 4);
}
