/** What tests run on, found or started, and the environment that names it. */
import { chromiumAdvice, chromiumWays } from "./chromium.ts";
import type { ProgramProvision, Provided } from "./command.ts";
import {
  eximAdvice,
  eximWays,
  harakaAdvice,
  harakaWays,
  postfixAdvice,
  postfixWays,
} from "./mail-servers.ts";
import { type ServerName, serverNames } from "./needs.ts";
import { postgresAdvice, postgresWays } from "./postgres.ts";
import { prometheusAdvice, prometheusWays } from "./prometheus.ts";
import { type RabbitProvision, rabbitAdvice, rabbitWays } from "./rabbitmq.ts";

export interface Servers {
  /** For the process of the tests. */
  readonly environment: NodeJS.ProcessEnv;
  /** Those that were started; the others stay. */
  stop(): Promise<void>;
}

type Print = (line: string) => void;
type Found<P> = readonly [what: string, ways: { name: string; attempt: () => Promise<P> }[], advice: string];

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

/** A test that forgot to name its own servers must not reach those of whoever runs it. */
function cleanEnvironment(): NodeJS.ProcessEnv {
  const environment: NodeJS.ProcessEnv = { ...process.env, FORCE_COLOR: "0" };
  for (const name of ["DATABASE_URL", "REGISTRY_DATABASE_URL", "AMQP_URL", "SERVICES"])
    delete environment[name];
  return environment;
}

const rabbitVariables = ({ url, rabbitmqctl, erlCall }: RabbitProvision): NodeJS.ProcessEnv => ({
  TEST_AMQP_URL: url,
  TEST_RABBITMQCTL: rabbitmqctl,
  TEST_ERL_CALL: erlCall ?? "",
});

/** Programs that tests start themselves: the variable that says where each is, and how to find it. */
const programs = {
  prometheus: ["TEST_PROMETHEUS", ["Prometheus", prometheusWays(), prometheusAdvice]],
  postfix: ["TEST_POSTFIX", ["Postfix", postfixWays(), postfixAdvice]],
  exim: ["TEST_EXIM", ["Exim", eximWays(), eximAdvice]],
  haraka: ["TEST_HARAKA", ["Haraka", harakaWays(), harakaAdvice]],
  chromium: ["TEST_CHROMIUM", ["Chromium", chromiumWays(), chromiumAdvice]],
} satisfies Record<string, [variable: string, found: Found<ProgramProvision>]>;

/** Finds or starts each server when it is first asked for, several at once, and each only once. */
export class ServerPool {
  readonly #print: Print;
  readonly #signal: AbortSignal;
  readonly #provided: Provided[] = [];
  readonly #asked = new Map<ServerName, Promise<NodeJS.ProcessEnv>>();

  constructor(print: Print, signal: AbortSignal) {
    this.#print = print;
    this.#signal = signal;
  }

  /** The variables that name it. Rejects with what to install, or with the reason of the signal. */
  ask(name: ServerName): Promise<NodeJS.ProcessEnv> {
    const asked = this.#asked.get(name) ?? this.#find(name);
    this.#asked.set(name, asked);
    asked.catch(() => {}); // told to whoever waits for it
    return asked;
  }

  async #find(name: ServerName): Promise<NodeJS.ProcessEnv> {
    if (name === "postgres") {
      const { url } = await this.#provide(["PostgreSQL", postgresWays(), postgresAdvice]);
      return { TEST_DATABASE_URL: url };
    }
    if (name === "rabbit")
      return rabbitVariables(await this.#provide(["RabbitMQ", rabbitWays(), rabbitAdvice]));
    const [variable, found] = programs[name];
    try {
      return { [variable]: (await this.#provide(found)).place };
    } catch (error) {
      // Few tests need it: they fail, each with the advice, and those beside them do not.
      this.#signal.throwIfAborted();
      this.#print((error as Error).message);
      return {};
    }
  }

  async #provide<P extends Provided>([what, ways, advice]: Found<P>): Promise<P> {
    const provision = await provide(what, ways, advice, { print: this.#print, signal: this.#signal });
    this.#provided.push(provision);
    return provision;
  }

  /** For the process of tests that need these. Rejects as `ask` does. */
  async environment(names: readonly ServerName[]): Promise<NodeJS.ProcessEnv> {
    const variables = await Promise.all(names.map((name) => this.ask(name)));
    return Object.assign(cleanEnvironment(), ...variables);
  }

  /** Stops those that were started; the others stay. Whatever is still being started is waited for. */
  async stop(): Promise<void> {
    await Promise.allSettled(this.#asked.values());
    for (let each = this.#provided.pop(); each !== undefined; each = this.#provided.pop())
      await each.stop().catch((error: unknown) => this.#print(`Cannot stop a server: ${String(error)}`));
  }
}

/**
 * A PostgreSQL and a RabbitMQ, with `withPrograms` also those of the programs that there are. Rejects with what to install,
 * or with the reason of `signal`; nothing is left running then.
 */
export async function startServers(
  print: Print,
  signal: AbortSignal,
  { withPrograms = false } = {},
): Promise<Servers> {
  const pool = new ServerPool(print, signal);
  try {
    const names = serverNames.filter((name) => withPrograms || !(name in programs));
    return { environment: await pool.environment(names), stop: () => pool.stop() };
  } catch (error) {
    await pool.stop();
    throw error;
  }
}
