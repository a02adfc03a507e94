import type { XStatic } from 'typebox/schema';
import {
  nullable,
  OptionalBoolean,
  OptionalInteger,
  OptionalString,
  OptionalStringMap,
  OptionalStrings,
} from './values.js';

export const OptionalPortBindings = nullable({
  type: 'object',
  additionalProperties: nullable({
    type: 'array',
    items: { type: 'object', properties: { HostIp: OptionalString, HostPort: OptionalString } },
  }),
});

export const OptionalRestartPolicy = nullable({
  type: 'object',
  properties: { Name: OptionalString, MaximumRetryCount: OptionalInteger },
});

export const HostConfig = {
  type: 'object',
  properties: {
    ConsoleSize: nullable({ type: 'array', items: { type: 'integer' } }),
    NetworkMode: OptionalString,
    Binds: OptionalStrings,
    PortBindings: OptionalPortBindings,
    PublishAllPorts: OptionalBoolean,
    AutoRemove: OptionalBoolean,
    Dns: OptionalStrings,
    DnsSearch: OptionalStrings,
    DnsOptions: OptionalStrings,
    ExtraHosts: OptionalStrings,
    Links: OptionalStrings,
    Privileged: OptionalBoolean,
    CapAdd: OptionalStrings,
    CapDrop: OptionalStrings,
    ReadonlyRootfs: OptionalBoolean,
    ShmSize: { type: ['integer', 'null'], minimum: 0 },
    Sysctls: OptionalStringMap,
    LogConfig: nullable({ type: 'object', properties: { Type: OptionalString, Config: OptionalStringMap } }),
    RestartPolicy: OptionalRestartPolicy,
  },
} as const;
export type HostConfig = XStatic<typeof HostConfig>;
