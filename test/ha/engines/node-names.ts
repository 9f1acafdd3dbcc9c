/** The nodes of the RabbitMQ cluster. */
export const nodeNames = ["a", "b", "c"] as const;
export type NodeName = (typeof nodeNames)[number];
