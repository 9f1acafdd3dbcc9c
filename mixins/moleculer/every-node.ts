/**
 * Promise: what an operator asks for reaches every process that hosts the service, each once and beside the others; one
 * that fails or does not answer in time is named, and keeps nobody waiting.
 */
import type { ServiceBroker } from "moleculer";
import type { ActionInput, ActionName, ActionResult, CallMeta } from "../../services/contracts/actions.ts";
import { Refusal } from "../../services/contracts/errors.ts";
import { callAction } from "./calls.ts";

const nodeTimeoutMs = 2_000;

export interface NodeAnswers<T> {
  nodes: Record<string, T>;
  unanswered: string[];
}

interface Caller {
  readonly broker: ServiceBroker;
  readonly meta: CallMeta;
}

async function nodesWith(broker: ServiceBroker, action: string): Promise<string[]> {
  const list = broker.call as (name: string, params: object) => Promise<{ name: string; nodes: string[] }[]>;
  const service = action.slice(0, action.lastIndexOf("."));
  const services = await list.call(broker, "$node.services", { onlyAvailable: true });
  return services.filter(({ name }) => name === service).flatMap(({ nodes }) => nodes);
}

/** Calls the action on each process that offers it, or on the one named; throws Refusal when none has that name. */
export async function onEveryNode<N extends ActionName>(
  { broker, meta }: Caller,
  action: N,
  params: ActionInput<N>,
  node?: string,
): Promise<NodeAnswers<ActionResult<N>>> {
  const all = await nodesWith(broker, action);
  const wanted = node === undefined ? all : all.filter((id) => id === node);
  if (node !== undefined && wanted.length === 0)
    throw new Refusal("not-found", `Cannot reach the process: none of those that run has the id ${node}`);
  const answers: NodeAnswers<ActionResult<N>> = { nodes: {}, unanswered: [] };
  const ask = async (nodeID: string): Promise<void> => {
    try {
      answers.nodes[nodeID] = await callAction(broker, action, params, {
        nodeID,
        timeout: nodeTimeoutMs,
        meta: { ...meta },
      });
    } catch (error) {
      if (error instanceof Refusal) throw error;
      answers.unanswered.push(nodeID);
    }
  };
  await Promise.all(wanted.map(ask));
  return answers;
}
