import type { ExposedPort, Healthcheck, ImageId } from '../model.js';

/** What a client may change about the configuration of an image, and what containers inherit from it. */
export interface ImageConfig {
  readonly command?: readonly string[];
  readonly entrypoint?: readonly string[];
  readonly env: readonly string[];
  readonly exposedPorts: readonly ExposedPort[];
  readonly workingDirectory?: string;
  readonly user?: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly stopSignal?: string;
  readonly volumes: readonly string[];
  readonly healthcheck?: Healthcheck;
}

/** One instruction that an image was made by. */
export interface HistoryEntry {
  /** RFC 3339; absent where the image does not say. */
  readonly created?: string;
  readonly createdBy?: string;
  readonly author?: string;
  readonly comment?: string;
  /** It has made no layer. */
  readonly emptyLayer?: boolean;
}

export interface Image {
  readonly id: ImageId;
  /** `busybox:latest`; empty for an image without a name. */
  readonly repoTags: readonly string[];
  /** `busybox@sha256:…`: what registries know it by. */
  readonly repoDigests: readonly string[];
  readonly created: string;
  readonly message: string;
  readonly author?: string;
  /** The image that a container was committed on, while that is known. */
  readonly parent?: ImageId;
  /** Bytes unpacked. */
  readonly size: number;
  /** Go's words: `amd64`, `arm64`. */
  readonly architecture: string;
  readonly variant?: string;
  readonly os: 'linux';
  readonly config: ImageConfig;
  /** Digests of the uncompressed layers: `sha256:…`. */
  readonly diffIds: readonly string[];
  /** Oldest first. */
  readonly history: readonly HistoryEntry[];
  /** When it got its last name here; RFC 3339. */
  readonly lastTagTime?: string;
}

/** A line of `docker history`, newest first. */
export interface HistoryLine extends HistoryEntry {
  /** The image's for the newest, `<missing>` for all others. */
  readonly id: string;
  /** Bytes of files that it has added. */
  readonly size: number;
  readonly tags: readonly string[];
}

export interface ImportOptions {
  readonly repository?: string;
  readonly tag?: string;
  readonly message?: string;
  /** Dockerfile instructions: `CMD ["sh"]`, `ENV a=b`. */
  readonly changes: readonly string[];
}

export interface CommitOptions {
  readonly repository?: string;
  readonly tag?: string;
  readonly message?: string;
  readonly author?: string;
  readonly changes: readonly string[];
  /** Stop the container's processes meanwhile, so that its files fit together. */
  readonly pause: boolean;
  /** Replaces parts of what the container was made with. */
  readonly config?: Partial<ImageConfig>;
}

/** A piece of news about work that takes a while, as clients show it. */
export interface Progress {
  /** What it is about: a layer's short digest, a tag. */
  readonly id?: string;
  readonly status?: string;
  /** Text to print as it is. */
  readonly stream?: string;
  /** Bytes. */
  readonly current?: number;
  readonly total?: number;
  /** For programs: what has come out of it. */
  readonly aux?: Readonly<Record<string, unknown>>;
}

export type Report = (progress: Progress) => void;
