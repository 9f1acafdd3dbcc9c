/** The one table of who consumes the events of users: queues, bindings, what a trace and a reconciliation ask. No logic but views of it. */

interface Row {
  readonly queue: string;
  /** How the checks begin that compare its effects with users. */
  readonly checks: string;
}

const table = {
  "smtp-registry": { queue: "smtp-registry.user-events", checks: "registry_" },
  audit: { queue: "audit.user-events", checks: "audit_" },
} as const satisfies Record<string, Row>;

export type ConsumerName = keyof typeof table;
export const consumers: Readonly<Record<ConsumerName, Row>> = table;
export const consumerNames = Object.keys(table) as ConsumerName[];
export const consumerQueues: readonly string[] = Object.values(consumers).map(({ queue }) => queue);

export const queueOf = (consumer: ConsumerName): string => consumers[consumer].queue;
