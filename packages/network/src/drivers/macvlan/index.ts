export { MacvlanDriver } from './macvlan-driver.js';
