/** What connections to RabbitMQ are checked by, and show of themselves, in PEM. No logic. */
export interface BrokerTls {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}
