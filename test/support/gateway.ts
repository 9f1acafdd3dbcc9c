/** A gateway on a free port, in front of the services that a test gives it. */
import { connect } from "node:net";
import { ServiceBroker, type ServiceSchema } from "moleculer";
import { createMetrics } from "../../mixins/metrics/metrics.ts";
import type { Platform } from "../../mixins/platform.ts";
import { brokerOptions } from "../../moleculer.config.ts";
import { loadConfig } from "../../services/config/index.ts";
import gatewayService, {
  defaultLimits,
  type GatewayLimits,
  gatewayAddress,
} from "../../services/gateway/index.ts";
import { testLogger } from "./logs.ts";

export interface TestGateway {
  readonly url: string;
  readonly port: number;
  readonly broker: ServiceBroker;
  readonly platform: Platform;
  /** The log, a parsed line each. */
  readonly lines: Record<string, unknown>[];
  stop(): Promise<void>;
}

interface Options {
  readonly services?: readonly ServiceSchema[];
  readonly environment?: Record<string, string>;
  readonly limits?: Partial<GatewayLimits>;
}

export async function testGateway(options: Options = {}): Promise<TestGateway> {
  const config = loadConfig({ HTTP_PORT: "0", NODE_ID: "gateway-test", ...options.environment });
  const lines: Record<string, unknown>[] = [];
  const log = testLogger({ lines, level: "info", nodeId: config.nodeId });
  // The gateway has no business on the bus, and would fail here if it had.
  const platform = { log, metrics: createMetrics(), now: () => new Date() } as Platform;
  const broker = new ServiceBroker(brokerOptions(config, log));
  for (const service of options.services ?? []) broker.createService(service);
  broker.createService(gatewayService(platform, config, { ...defaultLimits, ...options.limits }));
  await broker.start();
  const port = gatewayAddress(broker)?.port ?? 0;
  return { url: `http://127.0.0.1:${port}`, port, broker, platform, lines, stop: () => broker.stop() };
}

export interface RawAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: string;
}

/** Sends bytes as they are, which no HTTP client would, and reads until the server closes. */
export function sendRaw(port: number, text: string | Buffer, address = "127.0.0.1"): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, address, () => socket.write(text));
    const chunks: Buffer[] = [];
    socket.on("data", (chunk: Buffer) => chunks.push(chunk));
    socket.on("error", reject);
    socket.on("close", () => {
      const [head = "", ...body] = Buffer.concat(chunks).toString("utf8").split("\r\n\r\n");
      const [statusLine = "", ...fields] = head.split("\r\n");
      const headers = new Headers();
      for (const field of fields) {
        const colon = field.indexOf(":");
        headers.append(field.slice(0, colon), field.slice(colon + 1).trim());
      }
      resolve({ status: Number(statusLine.split(" ")[1]), headers, body: body.join("\r\n\r\n") });
    });
  });
}
