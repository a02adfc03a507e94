export { PortReservations } from './reservations.js';
