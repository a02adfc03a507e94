import type { XStatic } from 'typebox/schema';
import { nullable, OptionalBoolean, OptionalString, OptionalStringMap } from './values.js';

export const VolumeCreate = {
  type: 'object',
  properties: {
    Name: OptionalString,
    Driver: OptionalString,
    DriverOpts: OptionalStringMap,
    Labels: OptionalStringMap,
    ClusterVolumeSpec: nullable({ type: 'object' }),
  },
} as const;
export type VolumeCreate = XStatic<typeof VolumeCreate>;

/** An element of `HostConfig.Mounts`. */
export const MountRequest = {
  type: 'object',
  properties: {
    Type: { type: 'string' },
    Source: OptionalString,
    Target: OptionalString,
    ReadOnly: OptionalBoolean,
    Consistency: OptionalString,
    BindOptions: nullable({
      type: 'object',
      properties: {
        Propagation: OptionalString,
        NonRecursive: OptionalBoolean,
        CreateMountpoint: OptionalBoolean,
        ReadOnlyNonRecursive: OptionalBoolean,
        ReadOnlyForceRecursive: OptionalBoolean,
      },
    }),
    VolumeOptions: nullable({
      type: 'object',
      properties: {
        NoCopy: OptionalBoolean,
        Labels: OptionalStringMap,
        DriverConfig: nullable({
          type: 'object',
          properties: { Name: OptionalString, Options: OptionalStringMap },
        }),
        Subpath: OptionalString,
      },
    }),
    TmpfsOptions: nullable({
      type: 'object',
      properties: {
        SizeBytes: { type: ['integer', 'null'], minimum: 0 },
        Mode: { type: ['integer', 'null'], minimum: 0 },
        Options: nullable({
          type: 'array',
          items: { type: 'array', items: { type: 'string' }, minItems: 1, maxItems: 2 },
        }),
      },
    }),
  },
} as const;
export type MountRequest = XStatic<typeof MountRequest>;

export const OptionalMounts = nullable({ type: 'array', items: MountRequest });
