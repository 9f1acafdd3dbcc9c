/** What happens to the RabbitMQ cluster. */
import type { RabbitNode } from "../engines/rabbitmq.ts";
import type { Stage } from "../stage.ts";

const awayMs = 15_000;
const silentMs = 21_600;
const majorityMs = 14_000;
const partitionMs = 25_000;
const settleMs = 3_000;

/** The nodes, the one with most of the connections first. */
async function busiest({ system: { rabbit } }: Stage): Promise<[RabbitNode, ...RabbitNode[]]> {
  const counts = await rabbit.connections();
  const [first, ...others] = [...rabbit.nodes].sort((a, b) => counts[b.name] - counts[a.name]);
  if (first === undefined) throw new Error("There is no node");
  return [first, ...others];
}

/** Each node in turn, and every process is ready again while it is away; a short run takes the one that most are connected to. */
export async function killNodes(stage: Stage): Promise<void> {
  const { system, fault, rest, isShort, elapsedMs, measure } = stage;
  const [first, ...others] = await busiest(stage);
  let readyMs = 0;
  for (const node of isShort ? [first] : [first, ...others]) {
    await fault(`kill RabbitMQ node ${node.name}`, () => node.kill());
    const killedMs = elapsedMs();
    const isReady = await system.ready(awayMs).then(
      () => true,
      () => false,
    );
    readyMs = Math.max(readyMs, isReady ? elapsedMs() - killedMs : Number.POSITIVE_INFINITY);
    measure("readyWithoutMs", readyMs);
    await rest(Math.max(0, killedMs + awayMs - elapsedMs()));
    await fault(`start RabbitMQ node ${node.name}`, () => node.start());
    await system.ready();
    await rest(settleMs);
  }
}

export async function silenceNode(stage: Stage): Promise<void> {
  const [node] = await busiest(stage);
  await stage.fault(`freeze RabbitMQ node ${node.name}`, () => node.freeze());
  await stage.rest(silentMs);
  node.thaw();
  await stage.system.ready();
}

export async function restartNodes(stage: Stage): Promise<void> {
  const { system, fault, rest } = stage;
  for (const node of await busiest(stage)) {
    await fault(`drain and stop RabbitMQ node ${node.name}`, () => node.stopInOrder());
    await fault(`start RabbitMQ node ${node.name}`, () => node.start());
    await system.ready();
    await rest(settleMs);
  }
}

export async function loseMajority(stage: Stage): Promise<void> {
  const [first, second] = await busiest(stage);
  const lost = second === undefined ? [first] : [first, second];
  await stage.fault("kill two of three RabbitMQ nodes", () => Promise.all(lost.map((node) => node.kill())));
  await stage.rest(majorityMs);
  await Promise.all(lost.map((node) => node.start()));
  await stage.system.ready();
}

export async function partition(stage: Stage): Promise<void> {
  const { network } = stage.system;
  if (network === undefined) throw new Error("The nodes share a network");
  const [node] = await busiest(stage);
  await stage.fault(`cut RabbitMQ node ${node.name} from the others`, () => network.cut(node.name));
  await stage.rest(partitionMs);
  await network.join(node.name);
  await stage.system.ready();
}
