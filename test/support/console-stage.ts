/**
 * Where the console is seen beside a system in trouble: gateway, users and smtp-registry as three processes over RabbitMQ,
 * where nobody is let in without a key, and what breaks them.
 */
import pg from "pg";
import type { Role } from "../../services/contracts/roles.ts";
import { type ConsolePage, signInWithKey, startBrowser, type TestBrowser } from "./browser.ts";
import { type Servers, type System, servers, startSystem, systemIsReady } from "./distributed-system.ts";
import { eventually } from "./eventually.ts";
import { bearer } from "./keys.ts";
import { joinAsOperator, type Operator } from "./operator.ts";
import { type HttpAnswer, Processes, request, type TestProcess } from "./processes.ts";
import { ownAddress } from "./system-story.ts";
import { type TcpProxy, tcpProxy } from "./tcp-proxy.ts";

interface Teardown {
  teardown(end: () => Promise<void>): void;
}

/** On a busy machine. */
const patience = { timeoutMs: 30_000 };

interface Key {
  readonly id: string;
  readonly key: string;
}

interface Person {
  readonly id: string;
  readonly primarySmtp: string;
}

export class ConsoleStage {
  readonly system: System;
  readonly browser: TestBrowser;
  /** Of the users database. */
  readonly users: pg.Pool;
  /** Between the system and RabbitMQ; the operator has a way of his own. */
  readonly proxy: TcpProxy;
  readonly #registry: pg.Pool;
  readonly #processes: Processes;
  readonly #own: Servers;
  readonly #operator: Operator;
  #ownerKey = "";

  private constructor(
    [processes, own, proxy]: [Processes, Servers, TcpProxy],
    [system, browser, operator]: [System, TestBrowser, Operator],
  ) {
    this.#processes = processes;
    this.#own = own;
    this.proxy = proxy;
    this.system = system;
    this.browser = browser;
    this.#operator = operator;
    this.users = new pg.Pool({ connectionString: own.users.url, max: 2 });
    this.#registry = new pg.Pool({ connectionString: own.registry.url, max: 2 });
  }

  static async start(): Promise<ConsoleStage> {
    const processes = new Processes();
    const own = await servers();
    const proxy = await tcpProxy(own.vhost.url);
    const browser = await startBrowser();
    const environment = {
      CONSOLE: "on",
      AUTH: "required",
      FAULT_INJECTION: "true",
      RETRY_DELAYS_MS: "30,3000",
    };
    try {
      const system = await startSystem(processes, own, proxy.through(own.vhost.url), "node", environment);
      await systemIsReady(system.gateway);
      const operator = await joinAsOperator(own.vhost.url, ["fault", "access", "smtp-registry"]);
      const stage = new ConsoleStage([processes, own, proxy], [system, browser, operator]);
      stage.#ownerKey = (await stage.keyFor("owner")).key;
      return stage;
    } catch (error) {
      await browser.close();
      await processes.end();
      await proxy.close();
      await own.drop();
      throw error;
    }
  }

  async stop(): Promise<void> {
    await this.#operator.leave();
    await this.browser.close();
    await this.#processes.end();
    await this.users.end();
    await this.#registry.end();
    await this.proxy.close();
    await this.#own.drop();
  }

  get url(): string {
    return this.system.gateway.httpUrl;
  }

  async keyFor(role: Role, domains?: string[]): Promise<Key> {
    const wish = domains === undefined ? {} : { domains };
    const { id, key = "" } = await this.#operator.call("access.create", { name: role, role, ...wish });
    // A gateway hears of a key within seconds.
    await eventually(async () => {
      const { status } = await request(`${this.url}/`, { headers: bearer(key) });
      if (status === 401) throw new Error("The gateway does not know the key yet");
    }, patience);
    return { id, key };
  }

  /** As the owner asks over HTTP. */
  ask(method: string, path: string, body?: unknown, correlationId?: string): Promise<HttpAnswer> {
    const id: Record<string, string> =
      correlationId === undefined ? {} : { "x-correlation-id": correlationId };
    return request(`${this.url}${path}`, { method, body, headers: { ...bearer(this.#ownerKey), ...id } });
  }

  make(displayName: string, correlationId?: string): Promise<Person> {
    return eventually(async () => {
      const body = { displayName, primarySmtp: ownAddress() };
      const answer = await this.ask("POST", "/users", body, correlationId);
      if (answer.status !== 201) throw new Error(answer.text);
      return answer.json<Person>();
    }, patience);
  }

  /** Waits until what was written under the id is everywhere. */
  followed(correlationId: string): Promise<void> {
    return eventually(async () => {
      const { text } = await this.ask("GET", `/trace/${correlationId}`);
      if (!text.includes('"verdict":{"state":"complete"')) throw new Error(text);
    }, patience);
  }

  /** A page that has gone nowhere. */
  async page(t: Teardown): Promise<ConsolePage> {
    const at = await this.browser.open(this.url);
    t.teardown(() => at.close());
    return at;
  }

  /** Signed in, at a path. */
  async openAs(t: Teardown, who: Role | Key, path: string): Promise<ConsolePage> {
    const at = await this.page(t);
    const owner = { key: this.#ownerKey };
    const { key } = typeof who !== "string" ? who : who === "owner" ? owner : await this.keyFor(who);
    await signInWithKey(at, key);
    await at.page.goto(path);
    await at.settled();
    return at;
  }

  /** In every process, until the test ends or what is returned is called. */
  async fault(
    t: Teardown,
    action: string,
    order: { delayMs?: number; errorRate?: number },
  ): Promise<() => Promise<void>> {
    const clear = async () => void (await this.#operator.everywhere("fault.clear", { action }));
    t.teardown(clear);
    await this.#operator.everywhere("fault.set", { action, ...order });
    return clear;
  }

  /** No event of the user takes effect in smtp-registry, until what is returned is called; each is tried again after 3 s. */
  async refuseEventsOf(userId: string): Promise<() => Promise<void>> {
    await this.#registry.query(`create function refuse() returns trigger language plpgsql as
        $$ begin raise exception 'refused' using errcode = '22P05'; end $$;
      create trigger refuse before insert or update on watermarks for each row
        when (new.user_id = '${userId}') execute function refuse()`);
    return async () => void (await this.#registry.query("drop trigger refuse on watermarks"));
  }

  /** Starts a part that has ended, at its old ports. */
  async again(part: TestProcess): Promise<void> {
    const started = await this.#processes.start({ env: part.environment });
    await started.ready();
  }
}
