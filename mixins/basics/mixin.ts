/** What a mixin is, and what of its service's health it can tell. */
import type { ServiceSchema } from "moleculer";

/** A service schema or mixin; Moleculer's own type wants `this` typed where ours close over what they need. */
export type Mixin = Partial<ServiceSchema>;

/** Resolves when the dependency works; rejects with the reason when it does not. */
export type HealthCheck = () => Promise<void> | void;
