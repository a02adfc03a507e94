export { PortReservations } from './reservations.js';
export { bindingOf, type Binding, type PublishingNetworks } from './bindings.js';
