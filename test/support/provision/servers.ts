/** What tests run on, found or started, and the environment that names it. */
import type { Provided, Provision } from "./command.ts";
import { postgresAdvice, postgresWays } from "./postgres.ts";
import { type PrometheusProvision, prometheusAdvice, prometheusWays } from "./prometheus.ts";
import { type RabbitProvision, rabbitAdvice, rabbitWays } from "./rabbitmq.ts";

export interface Servers {
  /** For the process of the tests. */
  readonly environment: NodeJS.ProcessEnv;
  /** Those that were started; the others stay. */
  stop(): Promise<void>;
}

type Print = (line: string) => void;
type Found<P> = [what: string, ways: { name: string; attempt: () => Promise<P> }[], advice: string];

const seconds = (sinceMs: number): string => `${((performance.now() - sinceMs) / 1000).toFixed(1)} s`;

/** Tries one way after the other, a line each; rejects with the advice when there is none. */
async function provide<P extends Provided>(
  what: string,
  ways: { name: string; attempt: () => Promise<P> }[],
  advice: string,
  { print, signal }: { print: Print; signal: AbortSignal },
): Promise<P> {
  for (const { name, attempt } of ways) {
    signal.throwIfAborted();
    const startedAt = performance.now();
    try {
      const provision = await attempt();
      print(`${what}: ${provision.how} (${seconds(startedAt)})`);
      return provision;
    } catch (error) {
      const reason = (error as Error).message || String((error as NodeJS.ErrnoException).code);
      print(`${what}: not ${name}: ${reason}`);
    }
  }
  throw new Error(advice);
}

function environmentOf(
  postgres: Provision,
  rabbit: RabbitProvision,
  prometheus: PrometheusProvision | undefined,
): NodeJS.ProcessEnv {
  const environment: NodeJS.ProcessEnv = {
    ...process.env,
    TEST_DATABASE_URL: postgres.url,
    TEST_AMQP_URL: rabbit.url,
    TEST_RABBITMQCTL: rabbit.rabbitmqctl,
    ...(prometheus === undefined ? {} : { TEST_PROMETHEUS: prometheus.folder }),
    FORCE_COLOR: "0",
  };
  // A test that forgot to name its own servers must not reach those of whoever runs it.
  for (const name of ["DATABASE_URL", "REGISTRY_DATABASE_URL", "AMQP_URL", "SERVICES"])
    delete environment[name];
  return environment;
}

/**
 * Rejects with what to install, or with the reason of `signal`; nothing is left running then. `withPrometheus`: also
 * look for one; without it, the tests that need it fail, each with the advice, and the others do not.
 */
export async function startServers(
  print: Print,
  signal: AbortSignal,
  { withPrometheus = false } = {},
): Promise<Servers> {
  const provided: Provided[] = [];
  const stop = async (): Promise<void> => {
    for (let provision = provided.pop(); provision !== undefined; provision = provided.pop())
      await provision.stop().catch((error: unknown) => print(`Cannot stop a server: ${String(error)}`));
  };
  const found = async <P extends Provided>(...[what, ways, advice]: Found<P>): Promise<P> => {
    const provision = await provide(what, ways, advice, { print, signal });
    provided.push(provision);
    return provision;
  };
  try {
    const postgres = await found("PostgreSQL", postgresWays(), postgresAdvice);
    const rabbit = await found("RabbitMQ", rabbitWays(), rabbitAdvice);
    const prometheus = withPrometheus
      ? await found("Prometheus", prometheusWays(), prometheusAdvice).catch((error: Error) => {
          signal.throwIfAborted();
          print(error.message);
          return undefined;
        })
      : undefined;
    return { environment: environmentOf(postgres, rabbit, prometheus), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
