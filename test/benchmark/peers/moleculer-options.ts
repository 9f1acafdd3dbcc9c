/** Moleculer over AMQP as it comes, and with the settings that mailroster gives its transporter. */
import type { BrokerOptions } from "moleculer";
import { brokerOptions } from "../../../moleculer.config.ts";
import { loadConfig } from "../../../services/config/index.ts";
import { silentLog } from "../harness/servers.ts";

export function moleculerOptions(settings: string, amqpUrl: string): BrokerOptions {
  const common = { logger: false, namespace: settings } as const;
  // A URL is all that its documentation asks for; its types know no URLs.
  if (settings === "default")
    return { ...common, transporter: amqpUrl as unknown as NonNullable<BrokerOptions["transporter"]> };
  const config = loadConfig({ AMQP_URL: amqpUrl, SERVICES: "gateway" });
  const { transporter } = brokerOptions(config, silentLog);
  return { ...common, ...(transporter === undefined ? {} : { transporter }) };
}
