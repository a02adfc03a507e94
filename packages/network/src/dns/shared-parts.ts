import type { BoundedWarning } from './bounded-warning.js';
import type { Forwarder } from './forwarder.js';
import type { Responder } from './responder.js';

/** What the servers of all sandboxes have in common. */
export interface SharedParts {
  readonly responder: Responder;
  readonly forwarder: Forwarder;
  readonly warnings: BoundedWarning;
}
