/** moleculer-web with one action that returns a constant user: what the framework alone costs a read. */
import { ServiceBroker } from "moleculer";
import ApiGateway from "moleculer-web";

const user = {
  id: "0197b5a0-0000-7000-8000-000000000000",
  displayName: "Ada Example",
  primarySmtp: "ada@bench.example",
  secondarySmtps: [],
  version: 1,
  createdAt: "2026-01-01T00:00:00.000Z",
  updatedAt: "2026-01-01T00:00:00.000Z",
};

const broker = new ServiceBroker({ logger: false });
broker.createService({ name: "users", actions: { get: () => user } });
const gateway = broker.createService({
  name: "api",
  mixins: [ApiGateway as never],
  settings: { port: 0, ip: "127.0.0.1", routes: [{ path: "/", aliases: { "GET users/:id": "users.get" } }] },
});
await broker.start();
process.once("SIGTERM", () => void broker.stop());
const { port } = (gateway as unknown as { server: { address(): { port: number } } }).server.address();
process.stdout.write(`ready ${port}\n`);
