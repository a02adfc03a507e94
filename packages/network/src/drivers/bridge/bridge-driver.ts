import { BerthError, TeardownError, toError } from '@berth/core';
import type { FamilyRules, FirewallNetwork } from '../../firewall/elements.js';
import { macOf, macOfId } from '../../ipam/mac.js';
import type { EndpointRecord, NetworkRecord } from '../../records.js';
import {
  ownerAlias,
  type Attachment,
  type Driver,
  type DriverNetwork,
  type HostKernel,
  type PerFamily,
  type Publishing,
} from '../driver.js';
import { bridgeNameOf, ensureBridge, type BridgeSettings } from './bridge.js';
import { attachPort, restorePort, stationOf, type PortSettings } from './bridge-port.js';
import { parseBridgeOptions, type BridgeOptions, type GatewayMode } from './options.js';

/** ETH_DATA_LEN (include/uapi/linux/if_ether.h): for a host without a way out. */
const ETHERNET_MTU = 1500;
/** IPV6_MIN_MTU (include/uapi/linux/ipv6.h). */
const IPV6_LEAST_MTU = 1280;

/** A Linux bridge for each network, and a veth pair for each endpoint. */
export class BridgeDriver implements Driver {
  readonly name = 'bridge';
  readonly hasAddresses = true;
  readonly choosesGateway = true;
  readonly sharesSubnets = false;
  readonly sandboxKind = 'private';
  readonly #host: HostKernel;

  constructor(host: HostKernel) {
    this.#host = host;
  }

  validate(record: NetworkRecord): DriverNetwork {
    const { options, warnings } = parseBridgeOptions(record);
    return new BridgeNetwork(this.#host, record, options, warnings);
  }
}

class BridgeNetwork implements DriverNetwork {
  readonly warnings: readonly string[];
  readonly isGateway: PerFamily<boolean>;
  readonly publishing: PerFamily<Publishing>;
  readonly defaultBinding?: string;
  readonly opensServices: boolean;
  readonly interfacePrefix: string;
  readonly claim: DriverNetwork['claim'];
  readonly #host: HostKernel;
  readonly #bridge: Omit<BridgeSettings, 'mtu'>;
  readonly #firewall: FirewallNetwork;
  readonly #options: BridgeOptions;
  readonly #hasIPv6: boolean;
  /** Whether packets of IPv6 are forwarded to or from it. */
  readonly #forwardsIPv6: boolean;
  #index: number | undefined;

  constructor(host: HostKernel, record: NetworkRecord, options: BridgeOptions, warnings: readonly string[]) {
    const { internal, enableIPv4, enableIPv6 } = record;
    this.#host = host;
    this.#options = options;
    this.#hasIPv6 = enableIPv6;
    this.warnings = warnings;
    this.isGateway = { ipv4: !internal && enableIPv4, ipv6: !internal && enableIPv6 };
    this.publishing = {
      ipv4: this.isGateway.ipv4 ? publishingOf(options.gatewayMode.ipv4) : 'none',
      ipv6: this.isGateway.ipv6 ? publishingOf(options.gatewayMode.ipv6) : 'none',
    };
    if (options.defaultBinding !== undefined) this.defaultBinding = options.defaultBinding;
    this.opensServices =
      Object.values(this.publishing).includes('routed') || options.trustedInterfaces.length > 0;
    this.interfacePrefix = options.interfacePrefix;
    this.#forwardsIPv6 = this.isGateway.ipv6;
    const name = options.bridge ?? bridgeNameOf(record.id);
    this.claim = { what: `bridge ${name}`, exclusive: true };
    const gateways = record.ipam.config.flatMap(({ subnet, gateway }) =>
      gateway === undefined ? [] : [{ address: gateway, prefixLength: Number(subnet.split('/')[1]) }],
    );
    const first = gateways.find(({ address }) => !address.includes(':'));
    this.#bridge = {
      name,
      alias: ownerAlias(record.id),
      macAddress: first === undefined ? macOfId(record.id) : macOf(first.address),
      addresses: gateways.filter(({ address }) => this.#takesAddress(address)),
      // Without an address it has none of the link either: containers could reach the host by that.
      ipv6: enableIPv6 && options.gatewayMode.ipv6 !== 'isolated',
    };
    this.#firewall = {
      bridge: name,
      internal,
      icc: options.icc,
      ipv4: this.#rules(options.gatewayMode.ipv4, this.isGateway.ipv4, options.source.ipv4),
      ipv6: this.#rules(options.gatewayMode.ipv6, this.isGateway.ipv6, options.source.ipv6),
      trusted: options.trustedInterfaces,
    };
  }

  create(): void {
    if (this.#forwardsIPv6) this.#host.forwardIPv6();
    this.#index = ensureBridge(this.#host.routes, { ...this.#bridge, mtu: this.#mtu });
    this.#host.firewall.addNetwork(this.#firewall);
  }

  async delete(): Promise<void> {
    const errors: Error[] = [];
    try {
      this.#host.firewall.removeNetwork(this.#bridge.name);
    } catch (error) {
      errors.push(toError(error));
    }
    try {
      const link = this.#host.routes.link(this.#bridge.name);
      if (link?.alias === this.#bridge.alias) await this.#host.reaper.reap(this.#bridge.name);
    } catch (error) {
      errors.push(toError(error));
    }
    this.#index = undefined;
    if (errors.length > 0) throw new TeardownError(`delete bridge ${this.#bridge.name}`, errors);
  }

  attach(attachment: Attachment): void {
    // Before the port is there, so that nothing gets in unchecked.
    this.#guard(attachment);
    attachPort(this.#host.routes, this.#portSettings(), attachment);
  }

  restore(attachment: Attachment): void {
    this.#guard(attachment);
    restorePort(this.#host.routes, this.#portSettings(), attachment);
  }

  async detach(endpoint: EndpointRecord): Promise<void> {
    if (endpoint.interface === undefined) return;
    const { hostName } = endpoint.interface;
    await this.#host.reaper.reap(hostName);
    this.#host.firewall.removeStation(hostName);
  }

  get #mtu(): number {
    const { mtu = this.#host.uplinkMtu() ?? ETHERNET_MTU } = this.#options;
    // IPv6 goes off where a link has less than its least MTU (RFC 8200, section 5), and its addresses are lost.
    return this.#hasIPv6 ? Math.max(mtu, IPV6_LEAST_MTU) : mtu;
  }

  #guard(attachment: Attachment): void {
    const station = stationOf(attachment);
    if (this.#options.antiSpoofing) this.#host.firewall.addStation(station);
    else this.#host.firewall.removeStation(station.link);
  }

  #takesAddress(address: string): boolean {
    const ipv6 = address.includes(':');
    if (this.#options.gatewayMode[ipv6 ? 'ipv6' : 'ipv4'] === 'isolated') return false;
    return ipv6 || !this.#options.inhibitIPv4;
  }

  #rules(mode: GatewayMode, isGateway: boolean, source: string | undefined): FamilyRules {
    const translates = mode === 'nat' || mode === 'nat-unprotected';
    return {
      masquerade: isGateway && translates && this.#options.masquerade,
      ...(source !== undefined && { source }),
      routed: isGateway && mode === 'routed',
      unprotected: isGateway && mode === 'nat-unprotected',
    };
  }

  #portSettings(): PortSettings {
    if (this.#index === undefined) {
      throw new BerthError('unavailable', `bridge ${this.#bridge.name} is not there`, {
        subject: this.#bridge.name,
      });
    }
    return { bridge: this.#index, mtu: this.#mtu, isolated: !this.#options.icc };
  }
}

function publishingOf(mode: GatewayMode): Publishing {
  switch (mode) {
    case 'nat':
    case 'nat-unprotected':
      return 'nat';
    case 'routed':
      return 'routed';
    case 'isolated':
      return 'none';
  }
}
