export { AttributeWriter, align } from './attributes.js';
export { BackgroundSocket } from './background-socket.js';
export { AttributeReader, atLeast, malformed } from './reader.js';
export {
  NLM_F_ACK,
  NLM_F_APPEND,
  NLM_F_CREATE,
  NLM_F_DUMP,
  NLM_F_EXCL,
  NLM_F_REPLACE,
  messages,
  type NetlinkMessage,
  type NetlinkRequest,
} from './messages.js';
export { NetlinkSocket } from './socket.js';
