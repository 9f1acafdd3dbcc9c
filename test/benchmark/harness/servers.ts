/**
 * The servers of a benchmark: a durable PostgreSQL and a RabbitMQ node of its own, with the settings of a production
 * server as far as they decide the figures. Commit times are recorded, so that the way from one commit to another is
 * read off one clock.
 */
import { createLogger } from "../../../mixins/logging.ts";
import { migrate } from "../../../services/runtime/migrations.ts";
import { type ChaosPostgres, chaosPostgres } from "../../chaos/postgres.ts";
import { type ChaosRabbit, chaosRabbit } from "../../chaos/rabbitmq.ts";

export interface Servers {
  readonly postgres: ChaosPostgres;
  readonly rabbit: ChaosRabbit;
  stop(): Promise<void>;
}

/** One system's own databases and virtual host. */
export interface Place {
  readonly usersDatabase: string;
  readonly registryDatabase: string;
  readonly usersUrl: string;
  readonly registryUrl: string;
  readonly amqpUrl: string;
}

const settings = ["track_commit_timestamp=on", "shared_buffers=512MB", "max_wal_size=4GB"];

export async function startServers(): Promise<Servers> {
  const postgres = await chaosPostgres(settings);
  try {
    await postgres.start();
    const rabbit = await chaosRabbit();
    try {
      await rabbit.start();
    } catch (error) {
      await rabbit.remove();
      throw error;
    }
    return {
      postgres,
      rabbit,
      async stop() {
        await rabbit.remove();
        await postgres.remove();
      },
    };
  } catch (error) {
    await postgres.remove();
    throw error;
  }
}

/** Two migrated databases and a virtual host for the system of this name. */
export async function placeFor({ postgres, rabbit }: Servers, name: string): Promise<Place> {
  const [usersDatabase, registryDatabase] = [`${name}_users`, `${name}_registry`];
  for (const database of [usersDatabase, registryDatabase])
    await postgres.query("postgres", `create database ${database}`);
  const [usersUrl, registryUrl] = [postgres.url(usersDatabase), postgres.url(registryDatabase)];
  await migrate("users", usersUrl);
  await migrate("registry", registryUrl);
  await rabbit.control("-q", "add_vhost", name);
  await rabbit.control("-q", "set_permissions", "-p", name, "guest", ".*", ".*", ".*");
  const amqp = new URL(rabbit.url);
  amqp.pathname = `/${name}`;
  return { usersDatabase, registryDatabase, usersUrl, registryUrl, amqpUrl: amqp.href };
}

/** For what needs a logger and says nothing. */
export const silentLog = createLogger({ level: "silent", format: "json", pii: false, nodeId: "bench" });
