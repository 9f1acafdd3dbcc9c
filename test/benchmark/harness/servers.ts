/**
 * What every part shares: a durable PostgreSQL and a RabbitMQ node of the run's own, with the settings of a production
 * server as far as they decide the figures, and a process that makes the load. Commit times are recorded, so that the
 * way from one commit to another is read off one clock.
 */
import pg from "pg";
import { migrate } from "../../../services/runtime/migrations.ts";
import { type ChaosPostgres, chaosPostgres } from "../../chaos/postgres.ts";
import { type ChaosRabbit, chaosRabbit } from "../../chaos/rabbitmq.ts";
import { testLogger } from "../../support/logs.ts";
import type { Stops } from "../../support/stops.ts";
import { type LoadGenerator, loadGenerator } from "../load/generator.ts";
import { type CpuMeter, cpuMeter } from "./cpu.ts";
import type { Place } from "./place.ts";

export interface Servers {
  readonly postgres: ChaosPostgres;
  readonly rabbit: ChaosRabbit;
  readonly load: LoadGenerator;
  /** undefined where the machine does not tell who spent its time. */
  readonly cpu: CpuMeter | undefined;
  /** Whatever is started beside them goes here too, so that it ends with them. */
  readonly stops: Stops;
}

// Statements are counted only in the databases that ask for it (statements.ts): elsewhere it would cost something.
const settings = [
  ...["track_commit_timestamp=on", "shared_buffers=512MB", "max_wal_size=4GB", "max_connections=500"],
  ...["shared_preload_libraries=pg_stat_statements", "pg_stat_statements.track=none", "compute_query_id=off"],
];
const poolMax = 2;

async function startPostgres(stops: Stops): Promise<ChaosPostgres> {
  const postgres = await stops.starting(chaosPostgres(settings));
  stops.add(() => postgres.remove());
  await postgres.start();
  return postgres;
}

async function startRabbit(stops: Stops): Promise<ChaosRabbit> {
  const rabbit = await stops.starting(chaosRabbit());
  stops.add(() => rabbit.remove());
  await rabbit.start();
  return rabbit;
}

/** Rejects when one of them does not start; what has started by then is in `stops`. */
export async function startServers(stops: Stops): Promise<Servers> {
  const [postgres, rabbit] = await Promise.all([startPostgres(stops), startRabbit(stops)]);
  const load = loadGenerator();
  stops.add(() => load.stop());
  return { postgres, rabbit, load, cpu: await cpuMeter(postgres, rabbit, load), stops };
}

async function makeVhost(rabbit: ChaosRabbit, name: string): Promise<string> {
  // One call instead of rabbitmqctl's two: each starts an Erlang of its own, which takes a second of processor time.
  const all = '<<".*">>';
  await rabbit.control(
    ...["-q", "eval"],
    `rabbit_vhost:add(<<"${name}">>, <<"bench">>), rabbit_auth_backend_internal:set_permissions(<<"guest">>, <<"${name}">>, ${all}, ${all}, ${all}, <<"bench">>).`,
  );
  const url = new URL(rabbit.url);
  url.pathname = `/${name}`;
  return url.href;
}

function poolFor({ stops }: Servers, connectionString: string): pg.Pool {
  const pool = new pg.Pool({ connectionString, max: poolMax, application_name: "bench" });
  pool.on("error", () => {}); // shows as the failure of the next query
  stops.add(() => pool.end());
  return pool;
}

/** Two migrated databases for the system of this name, and a virtual host when it talks over RabbitMQ. */
export async function placeFor(servers: Servers, name: string, { broker = true } = {}): Promise<Place> {
  const { postgres, rabbit } = servers;
  const [usersDatabase, registryDatabase] = [`${name}_users`, `${name}_registry`];
  const amqpUrl = broker ? await makeVhost(rabbit, name) : "";
  const [usersUrl, registryUrl] = [postgres.url(usersDatabase), postgres.url(registryDatabase)];
  // Not from a migrated template: a copy of a database begins another generation of versions.
  await postgres.query("postgres", `create database ${usersDatabase}`);
  await postgres.query("postgres", `create database ${registryDatabase}`);
  await migrate("users", usersUrl);
  await migrate("registry", registryUrl);
  const [users, registry] = [poolFor(servers, usersUrl), poolFor(servers, registryUrl)];
  return { name, usersDatabase, registryDatabase, usersUrl, registryUrl, amqpUrl, users, registry };
}

/** For what needs a logger and says nothing. */
export const silentLog = testLogger({ level: "silent", nodeId: "bench" });
