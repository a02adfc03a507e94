import type { XStatic } from 'typebox/schema';
import {
  nullable,
  OptionalBoolean,
  OptionalInteger,
  OptionalString,
  OptionalStringMap,
  OptionalStrings,
} from './values.js';

export const OptionalEndpointSettings = nullable({
  type: 'object',
  properties: {
    IPAMConfig: nullable({
      type: 'object',
      properties: { IPv4Address: OptionalString, IPv6Address: OptionalString, LinkLocalIPs: OptionalStrings },
    }),
    Links: OptionalStrings,
    Aliases: OptionalStrings,
    MacAddress: OptionalString,
    DriverOpts: OptionalStringMap,
    GwPriority: OptionalInteger,
  },
});
export type EndpointSettings = NonNullable<XStatic<typeof OptionalEndpointSettings>>;

export const NetworkCreate = {
  type: 'object',
  properties: {
    Name: { type: 'string', minLength: 1 },
    Driver: OptionalString,
    Internal: OptionalBoolean,
    Attachable: OptionalBoolean,
    EnableIPv4: OptionalBoolean,
    EnableIPv6: OptionalBoolean,
    ConfigOnly: OptionalBoolean,
    ConfigFrom: nullable({ type: 'object', properties: { Network: OptionalString } }),
    Options: OptionalStringMap,
    Labels: OptionalStringMap,
    IPAM: nullable({
      type: 'object',
      properties: {
        Driver: OptionalString,
        Options: OptionalStringMap,
        Config: nullable({
          type: 'array',
          items: {
            type: 'object',
            properties: {
              Subnet: OptionalString,
              IPRange: OptionalString,
              Gateway: OptionalString,
              // The name in the API's description, then the one that Docker's own client sends.
              AuxiliaryAddresses: OptionalStringMap,
              AuxAddress: OptionalStringMap,
            },
          },
        }),
      },
    }),
  },
  required: ['Name'],
} as const;
export type NetworkCreate = XStatic<typeof NetworkCreate>;

/** Berth's own: what can be changed of a network that is there. A null takes a label or an option away. */
export const NetworkUpdate = {
  type: 'object',
  properties: {
    Labels: { type: 'object', additionalProperties: OptionalString },
    Options: { type: 'object', additionalProperties: OptionalString },
    Internal: { type: 'boolean' },
    Dns: { type: 'array', items: { type: 'string' } },
  },
} as const;
export type NetworkUpdate = XStatic<typeof NetworkUpdate>;

export const NetworkConnect = {
  type: 'object',
  properties: { Container: { type: 'string', minLength: 1 }, EndpointConfig: OptionalEndpointSettings },
  required: ['Container'],
} as const;

export const NetworkDisconnect = {
  type: 'object',
  properties: { Container: { type: 'string', minLength: 1 }, Force: OptionalBoolean },
  required: ['Container'],
} as const;
