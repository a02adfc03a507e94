import { describe, expect, test } from 'vitest';
import { ipamConfig } from './ipam-config.js';

describe('ipamConfig', () => {
  test('each gateway, range and auxiliary address goes to the subnet that contains it', () => {
    expect(
      ipamConfig({
        subnet: ['10.20.0.0/16', 'fd00:20::/64', '10.21.0.0/16'],
        gateway: ['fd00:20::1', '10.21.0.1'],
        ipRange: ['10.21.128.0/17', 'fd00:20::8000/113', '10.20.128.0/17'],
        auxAddress: ['a=10.20.0.9', 'b=fd00:20::9', 'c=10.20.0.10'],
      }),
    ).toEqual([
      {
        Subnet: '10.20.0.0/16',
        IPRange: '10.20.128.0/17',
        AuxiliaryAddresses: { a: '10.20.0.9', c: '10.20.0.10' },
      },
      {
        Subnet: 'fd00:20::/64',
        IPRange: 'fd00:20::8000/113',
        Gateway: 'fd00:20::1',
        AuxiliaryAddresses: { b: 'fd00:20::9' },
      },
      { Subnet: '10.21.0.0/16', IPRange: '10.21.128.0/17', Gateway: '10.21.0.1' },
    ]);
  });

  test('nothing said, nothing sent', () => {
    expect(ipamConfig({})).toEqual([]);
    expect(ipamConfig({ subnet: ['10.20.0.5/16'] })).toEqual([{ Subnet: '10.20.0.5/16' }]);
  });

  const subnet = ['10.20.0.0/16'];
  test.each([
    [{ subnet, gateway: ['10.9.0.1'] }, 'no matching subnet for gateway 10.9.0.1'],
    [{ subnet, gateway: ['fd00::1'] }, 'no matching subnet for gateway fd00::1'],
    [{ subnet, ipRange: ['10.9.0.0/24'] }, 'no matching subnet for range 10.9.0.0/24'],
    [{ subnet, auxAddress: ['a=10.9.0.1'] }, 'no matching subnet for aux-address 10.9.0.1'],
    [{ auxAddress: ['a=10.9.0.1'] }, 'no matching subnet for aux-address 10.9.0.1'],
    [{ gateway: ['10.9.0.1'] }, 'every ip-range or gateway must have a corresponding subnet'],
    [
      { subnet: [...subnet, '10.21.0.0/16'], gateway: ['10.20.0.1', '10.20.0.2'] },
      'cannot configure multiple gateways (10.20.0.2, 10.20.0.1) for the same subnet (10.20.0.0/16)',
    ],
    [
      { subnet: [...subnet, '10.21.0.0/16'], ipRange: ['10.20.0.0/24', '10.20.1.0/24'] },
      'cannot configure multiple ranges (10.20.1.0/24, 10.20.0.0/24) on the same subnet (10.20.0.0/16)',
    ],
    [{ subnet: [...subnet, '10.20.1.0/24'] }, 'multiple overlapping subnet configuration is not supported'],
    [{ subnet: ['10.20.0.0'], gateway: ['10.20.0.1'] }, 'invalid CIDR address: 10.20.0.0'],
    [{ subnet, gateway: ['x'] }, 'invalid IP address: x'],
    [{ subnet, ipRange: ['10.20.0.0/33'] }, 'invalid CIDR address: 10.20.0.0/33'],
  ])('%j is refused', (options, message) => {
    expect(() => ipamConfig(options)).toThrow(message);
  });
});
