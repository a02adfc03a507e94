import { BerthError, TeardownError, toError } from '@berth/core';
import { macOf } from '../../ipam/mac.js';
import type { EndpointRecord, NetworkRecord } from '../../records.js';
import type { FirewallNetwork } from '../../firewall/ruleset.js';
import { ownerAlias, type Attachment, type Driver, type DriverNetwork, type HostKernel } from '../driver.js';
import { bridgeNameOf, ensureBridge, type BridgeSettings } from './bridge.js';
import { attachPort, restorePort, type PortSettings } from './bridge-port.js';
import { parseBridgeOptions, type BridgeOptions } from './options.js';

/** A Linux bridge for each network, and a veth pair for each endpoint. */
export class BridgeDriver implements Driver {
  readonly name = 'bridge';
  readonly hasAddresses = true;
  readonly sandboxKind = 'private';
  readonly #host: HostKernel;

  constructor(host: HostKernel) {
    this.#host = host;
  }

  validate(record: NetworkRecord): DriverNetwork {
    const { options, warnings } = parseBridgeOptions(record.options);
    return new BridgeNetwork(this.#host, record, options, warnings);
  }
}

class BridgeNetwork implements DriverNetwork {
  readonly warnings: readonly string[];
  readonly isGateway: boolean;
  readonly interfacePrefix: string;
  readonly #host: HostKernel;
  readonly #bridge: BridgeSettings;
  readonly #firewall: FirewallNetwork;
  readonly #options: BridgeOptions;
  #index: number | undefined;

  constructor(host: HostKernel, record: NetworkRecord, options: BridgeOptions, warnings: readonly string[]) {
    const [config] = record.ipam.config;
    const gateway = config?.gateway;
    if (config === undefined || gateway === undefined) {
      throw new BerthError('internal', `bridge network ${record.name} has no subnet`, {
        subject: record.name,
      });
    }
    this.#host = host;
    this.#options = options;
    this.warnings = warnings;
    this.isGateway = !record.internal;
    this.interfacePrefix = options.interfacePrefix;
    const name = options.bridge ?? bridgeNameOf(record.id);
    const prefixLength = Number(config.subnet.split('/')[1]);
    this.#bridge = {
      name,
      alias: ownerAlias(record.id),
      macAddress: macOf(gateway),
      mtu: options.mtu,
      address: gateway,
      prefixLength,
    };
    this.#firewall = {
      bridge: name,
      internal: record.internal,
      masquerade: options.masquerade && !record.internal,
      icc: options.icc,
    };
  }

  create(): void {
    this.#index = ensureBridge(this.#host.routes, this.#bridge);
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
    attachPort(this.#host.routes, this.#portSettings(), attachment);
  }

  restore(attachment: Attachment): void {
    restorePort(this.#host.routes, this.#portSettings(), attachment);
  }

  async detach(endpoint: EndpointRecord): Promise<void> {
    if (endpoint.interface !== undefined) await this.#host.reaper.reap(endpoint.interface.hostName);
  }

  #portSettings(): PortSettings {
    if (this.#index === undefined) {
      throw new BerthError('unavailable', `bridge ${this.#bridge.name} is not there`, {
        subject: this.#bridge.name,
      });
    }
    return { bridge: this.#index, mtu: this.#options.mtu, isolated: !this.#options.icc };
  }
}
