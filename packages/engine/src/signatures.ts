import type { Readable } from 'node:stream';
import type { Network, NetworkSpec } from '@berth/network';
import type {
  AttachOptions,
  AttachStream,
  Container,
  ContainerSpec,
  EndpointConfig,
  EngineEvent,
  EngineInfo,
  EngineOptions,
  EventQuery,
  Exec,
  ExecId,
  ExecSpec,
  Image,
  ImageId,
  ImportOptions,
  LogEntry,
  LogOptions,
  TerminalSize,
  WaitCondition,
  WaitResult,
} from './model.js';

/** References are a full id, a name (with or without the leading slash) or an id prefix. */
export declare class Containers {
  create(spec: ContainerSpec): Promise<{ container: Container; warnings: string[] }>;
  get(reference: string): Container;
  list(): Container[];
  start(reference: string): Promise<void>;
  stop(reference: string, options?: { signal?: string; timeoutSeconds?: number }): Promise<void>;
  kill(reference: string, signal?: string): Promise<void>;
  remove(reference: string, options?: { force?: boolean; volumes?: boolean }): Promise<void>;
  rename(reference: string, name: string): void;
  /** Registers before it returns, so that nothing that happens after the call is missed. */
  wait(reference: string, condition: WaitCondition): Promise<WaitResult>;
  logs(reference: string, options: LogOptions): AsyncIterable<LogEntry>;
  /** May be called before the container is started; the output then begins with its first byte. */
  attach(reference: string, options: AttachOptions): Promise<AttachStream>;
  resize(reference: string, size: TerminalSize): Promise<void>;
}

export declare class Execs {
  create(containerReference: string, spec: ExecSpec): Exec;
  get(id: string): Exec;
  start(id: string, options: { detach: boolean; tty: boolean }): Promise<AttachStream | undefined>;
  resize(id: ExecId | string, size: TerminalSize): Promise<void>;
}

export declare class Images {
  import(source: Readable, options: ImportOptions): Promise<ImageId>;
  list(): Image[];
  get(reference: string): Image;
  tag(reference: string, repository: string, tag: string | undefined): void;
  remove(
    reference: string,
    options: { force: boolean; noPrune: boolean },
  ): Promise<{ untagged: string[]; deleted: string[] }>;
}

export declare class EventBus {
  publish(event: Omit<EngineEvent, 'timeNano'>): void;
  /** Ends at `until`, or when the consumer stops. */
  subscribe(query: EventQuery): AsyncIterableIterator<EngineEvent>;
}

export declare class EngineNetworks {
  create(spec: NetworkSpec): Promise<Network>;
  remove(reference: string): Promise<void>;
  get(reference: string): Network;
  list(): Network[];
  /** Removes unused custom networks that `keep` does not hold on to; returns their names. */
  prune(keep?: (network: Network) => boolean): Promise<string[]>;
  connect(networkReference: string, containerReference: string, config: EndpointConfig): Promise<void>;
  disconnect(networkReference: string, containerReference: string, force: boolean): Promise<void>;
}

export declare class Engine {
  static open(options: EngineOptions): Promise<Engine>;
  readonly containers: Containers;
  readonly images: Images;
  readonly networks: EngineNetworks;
  readonly execs: Execs;
  readonly events: EventBus;
  info(): EngineInfo;
  /** Leaves containers running. */
  close(): Promise<void>;
}
