/** The process that makes the load: orders in on stdin, results out on stdout, one JSON object a line. */
import { createInterface } from "node:readline";
import { askMaps } from "./lookups.ts";
import { asksMaps, type HttpOrder, type LoadResult, type Order } from "./order.ts";
import { saturate } from "./saturating.ts";
import { keepSteady } from "./steady.ts";

function carryOut(order: Order): Promise<LoadResult> {
  if (asksMaps(order)) return askMaps(order);
  const asked = order as HttpOrder;
  return "perSecond" in asked.pace ? keepSteady(asked) : saturate(asked);
}

for await (const line of createInterface({ input: process.stdin })) {
  const order = JSON.parse(line) as Order;
  const answer = await carryOut(order).catch((error: unknown) => ({ error: String(error) }));
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
