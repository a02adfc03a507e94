import { Type, type Static, type TSchema } from 'typebox';

/** Go clients send null for whatever the user left alone. */
const nullable = <T extends TSchema>(schema: T) => Type.Optional(Type.Union([schema, Type.Null()]));

export const OptionalString = nullable(Type.String());
export const OptionalBoolean = nullable(Type.Boolean());
export const OptionalInteger = nullable(Type.Integer());
export const OptionalStrings = nullable(Type.Array(Type.String()));
/** A command: Docker takes one string for a list of one. */
export const OptionalCommand = nullable(Type.Union([Type.Array(Type.String()), Type.String()]));
export const OptionalStringMap = nullable(Type.Record(Type.String(), Type.String()));
/** A Go set: only the keys matter. */
const OptionalSet = nullable(Type.Record(Type.String(), Type.Unknown()));

export const EndpointSettings = Type.Object({
  IPAMConfig: nullable(
    Type.Object({
      IPv4Address: OptionalString,
      IPv6Address: OptionalString,
      LinkLocalIPs: OptionalStrings,
    }),
  ),
  Links: OptionalStrings,
  Aliases: OptionalStrings,
  MacAddress: OptionalString,
  DriverOpts: OptionalStringMap,
  GwPriority: OptionalInteger,
});
export type EndpointSettings = Static<typeof EndpointSettings>;
export const OptionalEndpointSettings = nullable(EndpointSettings);

export const HostConfig = Type.Object({
  NetworkMode: OptionalString,
  Binds: OptionalStrings,
  PortBindings: nullable(
    Type.Record(
      Type.String(),
      Type.Union([
        Type.Array(Type.Object({ HostIp: OptionalString, HostPort: OptionalString })),
        Type.Null(),
      ]),
    ),
  ),
  PublishAllPorts: OptionalBoolean,
  AutoRemove: OptionalBoolean,
  Dns: OptionalStrings,
  DnsSearch: OptionalStrings,
  DnsOptions: OptionalStrings,
  ExtraHosts: OptionalStrings,
  Privileged: OptionalBoolean,
  CapAdd: OptionalStrings,
  CapDrop: OptionalStrings,
  ReadonlyRootfs: OptionalBoolean,
  ShmSize: nullable(Type.Integer({ minimum: 0 })),
  Sysctls: OptionalStringMap,
  LogConfig: nullable(Type.Object({ Type: OptionalString, Config: OptionalStringMap })),
  RestartPolicy: nullable(Type.Object({ Name: OptionalString, MaximumRetryCount: OptionalInteger })),
});
export type HostConfig = Static<typeof HostConfig>;

export const ContainerCreate = Type.Object({
  Image: Type.String({ minLength: 1 }),
  Cmd: OptionalCommand,
  Entrypoint: OptionalCommand,
  Env: OptionalStrings,
  WorkingDir: OptionalString,
  User: OptionalString,
  Hostname: OptionalString,
  Domainname: OptionalString,
  Tty: OptionalBoolean,
  OpenStdin: OptionalBoolean,
  StdinOnce: OptionalBoolean,
  AttachStdin: OptionalBoolean,
  AttachStdout: OptionalBoolean,
  AttachStderr: OptionalBoolean,
  Labels: OptionalStringMap,
  ExposedPorts: OptionalSet,
  StopSignal: OptionalString,
  StopTimeout: nullable(Type.Integer()),
  MacAddress: OptionalString,
  HostConfig: nullable(HostConfig),
  NetworkingConfig: nullable(
    Type.Object({
      EndpointsConfig: nullable(Type.Record(Type.String(), Type.Union([EndpointSettings, Type.Null()]))),
    }),
  ),
});
export type ContainerCreate = Static<typeof ContainerCreate>;

export const ExecCreate = Type.Object({
  Cmd: OptionalCommand,
  Tty: OptionalBoolean,
  AttachStdin: OptionalBoolean,
  AttachStdout: OptionalBoolean,
  AttachStderr: OptionalBoolean,
  Env: OptionalStrings,
  User: OptionalString,
  WorkingDir: OptionalString,
  Privileged: OptionalBoolean,
  DetachKeys: OptionalString,
});
export type ExecCreate = Static<typeof ExecCreate>;

export const ExecStart = nullable(
  Type.Object({
    Detach: OptionalBoolean,
    Tty: OptionalBoolean,
    ConsoleSize: nullable(Type.Array(Type.Integer())),
  }),
);

export const NetworkCreate = Type.Object({
  Name: Type.String({ minLength: 1 }),
  Driver: OptionalString,
  Internal: OptionalBoolean,
  Attachable: OptionalBoolean,
  EnableIPv4: OptionalBoolean,
  EnableIPv6: OptionalBoolean,
  Options: OptionalStringMap,
  Labels: OptionalStringMap,
  IPAM: nullable(
    Type.Object({
      Driver: OptionalString,
      Options: OptionalStringMap,
      Config: nullable(
        Type.Array(
          Type.Object({
            Subnet: OptionalString,
            IPRange: OptionalString,
            Gateway: OptionalString,
            AuxiliaryAddresses: OptionalStringMap,
            // The name that Docker's Go structure has on the wire.
            AuxAddress: OptionalStringMap,
          }),
        ),
      ),
    }),
  ),
});
export type NetworkCreate = Static<typeof NetworkCreate>;

export const NetworkConnect = Type.Object({
  Container: Type.String({ minLength: 1 }),
  EndpointConfig: OptionalEndpointSettings,
});

export const NetworkDisconnect = Type.Object({
  Container: Type.String({ minLength: 1 }),
  Force: OptionalBoolean,
});
