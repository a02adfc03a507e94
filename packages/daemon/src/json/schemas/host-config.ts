import type { XStatic } from 'typebox/schema';
import { ResourceProperties } from './resources.js';
import {
  nullable,
  OptionalBoolean,
  OptionalInteger,
  OptionalString,
  OptionalStringMap,
  OptionalStrings,
} from './values.js';
import { OptionalMounts } from './volumes.js';

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
    Mounts: OptionalMounts,
    VolumesFrom: OptionalStrings,
    VolumeDriver: OptionalString,
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
    ShmSize: OptionalInteger,
    Sysctls: OptionalStringMap,
    LogConfig: nullable({ type: 'object', properties: { Type: OptionalString, Config: OptionalStringMap } }),
    RestartPolicy: OptionalRestartPolicy,
    ...ResourceProperties,
    Init: OptionalBoolean,
    GroupAdd: nullable({ type: 'array', items: { type: ['string', 'integer'] } }),
    Tmpfs: OptionalStringMap,
    SecurityOpt: OptionalStrings,
    MaskedPaths: OptionalStrings,
    ReadonlyPaths: OptionalStrings,
    PidMode: OptionalString,
    IpcMode: OptionalString,
    UTSMode: OptionalString,
    CgroupnsMode: OptionalString,
    UsernsMode: OptionalString,
    OomScoreAdj: OptionalInteger,
    Annotations: OptionalStringMap,
    // Refused in Docker's words, unless they ask for nothing.
    StorageOpt: OptionalStringMap,
    Runtime: OptionalString,
    Isolation: OptionalString,
    DeviceRequests: nullable({
      type: 'array',
      items: {
        type: 'object',
        properties: {
          Driver: OptionalString,
          Capabilities: nullable({ type: 'array', items: { type: 'array', items: { type: 'string' } } }),
        },
      },
    }),
  },
} as const;
export type HostConfig = XStatic<typeof HostConfig>;
