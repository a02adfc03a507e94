export { ConntrackSocket, type ConntrackFilter } from './conntrack-socket.js';
export type { ConntrackEntry, ConntrackTuple } from './tuples.js';
