/** What to do when RabbitMQ does not let a process have its queues, by what it says. */
const advice: readonly (readonly [says: RegExp, todo: (nodeId: string) => string])[] = [
  [
    /exclusive access|RESOURCE_LOCKED/,
    (nodeId) =>
      `Another process has the id ${nodeId}, or RabbitMQ has not yet noticed that it is gone: give each process a NODE_ID of its own, or wait`,
  ],
  [
    /home node/,
    () =>
      "The queue is a durable one of release 0.1 and lives on a RabbitMQ node that is away: start that node, or start the process under another NODE_ID",
  ],
  [
    /PRECONDITION_FAILED|inequivalent arg/,
    (nodeId) => `Another kind of queue has the name: delete the queues that end in ${nodeId}`,
  ],
];

/** `{ todo }` for the log line, or nothing when the reason speaks for itself. */
export function adviceFor(reason: string | undefined, nodeId: string): { readonly todo?: string } {
  const entry = advice.find(([says]) => says.test(reason ?? ""));
  return entry === undefined ? {} : { todo: entry[1](nodeId) };
}
