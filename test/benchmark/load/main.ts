/** The process that makes the load: orders in on stdin, results out on stdout, one JSON object a line. */
import { createInterface } from "node:readline";
import type { Order } from "./order.ts";
import { saturate } from "./saturating.ts";
import { keepSteady } from "./steady.ts";

for await (const line of createInterface({ input: process.stdin })) {
  const order = JSON.parse(line) as Order;
  const answer = await ("perSecond" in order.pace ? keepSteady(order) : saturate(order)).catch(
    (error: unknown) => ({ error: String(error) }),
  );
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
