/** An operator who has joined a system over RabbitMQ, as `npm run repl` does. */
import { ServiceBroker } from "moleculer";
import { callAction } from "../../mixins/moleculer/calls.ts";
import { type NodeAnswers, onEveryNode } from "../../mixins/moleculer/every-node.ts";
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
  /** Each process that offers the action, or the one of this id, as the REPL's commands do. */
  everywhere<N extends ActionName>(
    name: N,
    params: ActionInput<N>,
    node?: string,
  ): Promise<NodeAnswers<ActionResult<N>>>;
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
    everywhere: (name, params, node) =>
      onEveryNode({ broker, meta: { actor: "operator" } }, name, params, node),
    leave: () => broker.stop(),
  };
}
