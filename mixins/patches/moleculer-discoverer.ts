/**
 * Promise: a process that was frozen itself gives up nobody for the heartbeats that it has not read yet. Moleculer's own
 * would take all others for dead the moment it wakes, and reject the calls to them.
 */
import { Discoverers } from "moleculer";

interface Internals {
  readonly opts: { readonly heartbeatTimeout: number };
  readonly registry: {
    readonly nodes: { toArray(): { readonly local: boolean; lastHeartbeatTime: number }[] };
  };
}

const msPerSecond = 1_000;

export class WakefulDiscoverer extends Discoverers.Local {
  #checkedAtMs = performance.now();

  override checkRemoteNodes(): void {
    const { opts, registry } = this as unknown as Internals;
    const sinceMs = performance.now() - this.#checkedAtMs;
    this.#checkedAtMs = performance.now();
    // Moleculer checks once in that time, and counts in whole seconds of `process.uptime()`.
    if (sinceMs > 1.5 * opts.heartbeatTimeout * msPerSecond)
      for (const node of registry.nodes.toArray()) node.lastHeartbeatTime = Math.round(process.uptime());
    super.checkRemoteNodes();
  }
}
