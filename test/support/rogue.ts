/** A process that is not ours: plain Moleculer, which says and hosts what it likes, with whatever login it has. */
import { ServiceBroker, type ServiceSchema } from "moleculer";
import { userOf } from "../../services/contracts/peers.ts";

const startMaxMs = 20_000;

export interface Rogue {
  readonly nodeID: string;
  call(action: string, params: object): Promise<unknown>;
  /** Whether it has heard of who hosts this. */
  knows(service: string): Promise<void>;
}

/** It signs its messages as the user that it logs in as, since RabbitMQ takes no other name. */
export async function startRogue(
  t: { teardown(end: () => Promise<void>): void },
  url: string,
  { nodeID, services = [] }: { readonly nodeID: string; readonly services?: readonly ServiceSchema[] },
): Promise<Rogue> {
  const broker = new ServiceBroker({
    namespace: "mailroster",
    nodeID,
    logger: false,
    skipProcessEventRegistration: true,
    transporter: { type: "AMQP", options: { url, messageOptions: { userId: userOf(url) } } },
  });
  for (const schema of services) broker.createService(schema);
  t.teardown(() => broker.stop());
  await broker.start();
  const call = broker.call.bind(broker) as (
    name: string,
    params: object,
    options: object,
  ) => Promise<unknown>;
  return {
    nodeID,
    call: (action, params) => call(action, params, { timeout: 1_500 }),
    knows: (service) => broker.waitForServices([service], startMaxMs).then(() => {}),
  };
}
