/** An operator who has joined a system over RabbitMQ, as `npm run repl` does. */
import { ServiceBroker } from "moleculer";
import { callAction } from "../../mixins/moleculer/calls.ts";
import { brokerOptions } from "../../moleculer.config.ts";
import { loadClientConfig } from "../../services/config/index.ts";
import type { ActionInput, ActionName, ActionResult } from "../../services/contracts/actions.ts";
import { testLogger } from "./logs.ts";

const servicesWaitMs = 20_000;

export interface Operator {
  /** `correlationId` names what is done in the audit log. */
  call<N extends ActionName>(
    name: N,
    params: ActionInput<N>,
    correlationId?: string,
  ): Promise<ActionResult<N>>;
  leave(): Promise<void>;
}

/** Resolves when the services are within reach. */
export async function joinAsOperator(amqpUrl: string, services: readonly string[]): Promise<Operator> {
  const config = loadClientConfig({ AMQP_URL: amqpUrl }, "operator");
  const broker = new ServiceBroker(brokerOptions(config, testLogger({ nodeId: config.nodeId })));
  await broker.start();
  await broker.waitForServices([...services], servicesWaitMs);
  return {
    call: (name, params, correlationId) =>
      callAction(broker, name, params, {
        meta: { actor: "operator", ...(correlationId === undefined ? {} : { correlationId }) },
      }),
    leave: () => broker.stop(),
  };
}
