import { expect, it } from 'vitest';
import { formatAddress, parsePrefix } from './address.js';
import { defaultGateway, planSubnet, type SubnetSpec } from './plan.js';

it.each<[string, SubnetSpec, string]>([
  ['host bits', { subnet: '10.0.0.1/24' }, 'invalid subnet 10.0.0.1/24: it should be 10.0.0.0/24'],
  ['no block', { subnet: '10.0.0.0' }, 'invalid subnet 10.0.0.0: invalid CIDR block notation'],
  ['link-local', { subnet: 'fe80::/64' }, "containers can't use fe80::/10"],
  ['loopback', { subnet: '127.0.0.0/16' }, "containers can't use 127.0.0.0/8"],
  ['everything', { subnet: '0.0.0.0/0' }, "containers can't use 0.0.0.0/8"],
  ['no room', { subnet: '10.0.0.0/32' }, 'no room for a gateway and a container'],
  [
    'a gateway outside',
    { subnet: '10.0.0.0/24', gateway: '10.0.1.1' },
    "parent subnet 10.0.0.0/24 doesn't contain this address",
  ],
  [
    'a gateway that is the broadcast address',
    { subnet: '10.0.0.0/24', gateway: '10.0.0.255' },
    'broadcast address',
  ],
  ['a gateway that is none', { subnet: '10.0.0.0/24', gateway: 'me' }, 'invalid gateway me: invalid address'],
  ['a gateway alone', { gateway: '10.0.0.1' }, 'gateway 10.0.0.1 needs a subnet'],
  [
    'a larger range',
    { subnet: '10.0.0.0/24', ipRange: '10.0.0.0/16' },
    'CIDR block is bigger than its parent subnet',
  ],
  ['a range outside', { subnet: '10.0.0.0/24', ipRange: '10.0.1.0/25' }, "doesn't contain ip-range"],
  ['a range with host bits', { subnet: '10.0.0.0/24', ipRange: '10.0.0.3/25' }, 'it should be 10.0.0.0/25'],
  [
    'an address twice',
    { subnet: '10.0.0.0/24', gateway: '10.0.0.1', auxiliaryAddresses: { a: '10.0.0.1' } },
    'Address already in use',
  ],
])('refuses %s, and says what would be right', (_, spec, message) => {
  expect(() => planSubnet(spec)).toThrow(message);
});

it('has the gateway be the first address that nothing else was promised', () => {
  const { subnet, auxiliary } = planSubnet({
    subnet: '10.0.0.0/24',
    auxiliaryAddresses: { router: '10.0.0.1' },
  });
  expect(subnet && formatAddress(defaultGateway(subnet, auxiliary))).toBe('10.0.0.2');
  const pair = parsePrefix('10.0.0.0/31')?.prefix;
  expect(pair && formatAddress(defaultGateway(pair, {}))).toBe('10.0.0.0');
});
