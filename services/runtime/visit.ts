/** A client of the running system: one more node of it, for as long as its work takes. */
import { ServiceBroker } from "moleculer";
import type { Logger } from "../../mixins/logging.ts";
import { brokerOptions } from "../../moleculer.config.ts";
import type { Config } from "../config/index.ts";
import type { ReplDoor } from "./data-folder.ts";
import { LoopbackTransporter } from "./loopback.ts";

/** Joins over RabbitMQ, or through the door of the embedded system. Rejects as the work does. */
export async function visitSystem<T>(
  config: Config,
  log: Logger,
  door: ReplDoor | undefined,
  work: (broker: ServiceBroker) => Promise<T>,
): Promise<T> {
  const broker = new ServiceBroker({
    ...brokerOptions({ ...config, logLevel: "silent" }, log),
    ...(door === undefined ? {} : { transporter: new LoopbackTransporter(door.secret, door) }),
  });
  try {
    await broker.start();
    return await work(broker);
  } finally {
    await broker.stop();
  }
}
