import { nullable, OptionalBoolean, OptionalInteger, OptionalString, OptionalStrings } from './values.js';

const OptionalRates = nullable({
  type: 'array',
  items: {
    type: 'object',
    properties: { Path: { type: 'string' }, Rate: { type: 'integer', minimum: 0 } },
    required: ['Path', 'Rate'],
  },
});

/** What can be changed of a container that is there, too. */
export const ChangeableResources = {
  CpuShares: OptionalInteger,
  Memory: OptionalInteger,
  NanoCpus: OptionalInteger,
  BlkioWeight: OptionalInteger,
  CpuPeriod: OptionalInteger,
  CpuQuota: OptionalInteger,
  CpuRealtimePeriod: OptionalInteger,
  CpuRealtimeRuntime: OptionalInteger,
  CpusetCpus: OptionalString,
  CpusetMems: OptionalString,
  MemoryReservation: OptionalInteger,
  MemorySwap: OptionalInteger,
  PidsLimit: OptionalInteger,
} as const;

/** Docker's `Resources`. */
export const ResourceProperties = {
  ...ChangeableResources,
  MemorySwappiness: OptionalInteger,
  OomKillDisable: OptionalBoolean,
  CgroupParent: OptionalString,
  BlkioWeightDevice: nullable({
    type: 'array',
    items: {
      type: 'object',
      properties: { Path: { type: 'string' }, Weight: { type: 'integer', minimum: 0 } },
      required: ['Path', 'Weight'],
    },
  }),
  BlkioDeviceReadBps: OptionalRates,
  BlkioDeviceWriteBps: OptionalRates,
  BlkioDeviceReadIOps: OptionalRates,
  BlkioDeviceWriteIOps: OptionalRates,
  Devices: nullable({
    type: 'array',
    items: {
      type: 'object',
      properties: {
        PathOnHost: { type: 'string' },
        PathInContainer: OptionalString,
        CgroupPermissions: OptionalString,
      },
      required: ['PathOnHost'],
    },
  }),
  DeviceCgroupRules: OptionalStrings,
  Ulimits: nullable({
    type: 'array',
    items: {
      type: 'object',
      properties: { Name: { type: 'string' }, Soft: { type: 'integer' }, Hard: { type: 'integer' } },
      required: ['Name'],
    },
  }),
} as const;
