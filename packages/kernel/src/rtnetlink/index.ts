export { addressRequests, type NewAddress } from './addresses.js';
export { formatHardware, formatInternet, parseHardware, parseInternet } from './internet.js';
export {
  linkRequests,
  type BridgePortChange,
  type LinkChange,
  type LinkRef,
  type LinkSettings,
  type NamespaceRef,
  type NewBridge,
  type NewLink,
  type NewVeth,
  type RouteRequest,
} from './link-requests.js';
export { RouteMonitor, type RouteChange } from './route-monitor.js';
export { RouteSocket } from './route-socket.js';
export { routeRequests, type NewRoute, type RouteQuestion } from './routes.js';
export type * from './types.js';
