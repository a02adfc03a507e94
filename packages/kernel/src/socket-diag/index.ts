export { boundPorts, type BoundPort, type BoundPortsOptions } from './bound-ports.js';
export { holderOf, type SocketHolder } from './holder.js';
