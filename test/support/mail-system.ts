/** A running mailroster, each part a process of its own, and a Postfix as the guide configures it in front of it. */
import type { ExecutionContext } from "ava";
import { queryAt } from "./database-roles.ts";
import { type Servers, type System, servers, startSystem, systemIsReady } from "./distributed-system.ts";
import { eventually } from "./eventually.ts";
import { fixedPort } from "./fixed-port.ts";
import { blockOf, mailGuide } from "./mail-guide.ts";
import { mayStartPostfix, type Postfix, postfix } from "./postfix.ts";
import { Processes, request, type TestProcess } from "./processes.ts";
import { authSink, type LmtpSink, lmtpSink } from "./smtp.ts";
import { type TcpProxy, tcpProxy } from "./tcp-proxy.ts";

const postgresPort = 5432;

export interface MailSystem {
  readonly system: System;
  readonly socketmapPort: number;
  /** Between smtp-registry and its database. */
  readonly database: TcpProxy;
  readonly sink: LmtpSink;
  readonly postfix: Postfix;
  /** The process that answers; another one after `startLookups`. */
  readonly lookups: TestProcess;
  /** As a crash does, or in order. */
  stopLookups(signal?: "SIGKILL" | "SIGTERM"): Promise<void>;
  /** As if so much time had gone since the address was deleted. */
  age(address: string, days: number): Promise<unknown>;
  startLookups(): Promise<void>;
  create(user: Record<string, unknown>): Promise<{ id: string; primarySmtp: string }>;
  end(): Promise<void>;
}

/** Resolves when the registry says so of the address. */
export const addressIs = (url: string, address: string, status: string) =>
  eventually(
    async () => {
      const { text } = await request(`${url}/smtp/${encodeURIComponent(address)}`);
      if (!text.includes(`"status":"${status}"`)) throw new Error(`${address} is not ${status}: ${text}`);
    },
    { timeoutMs: 20_000 },
  );

/** The test that is told, not failed, where nobody may start a Postfix: `small-disk.ts` does the same. */
export function isNotTested(t: ExecutionContext): boolean {
  if (mayStartPostfix()) return false;
  t.log("NOT TESTED: Postfix's master process starts for root alone");
  return true;
}

async function creator(url: string, user: Record<string, unknown>) {
  const { status, text } = await request(`${url}/users`, { body: { displayName: "Ann Example", ...user } });
  if (status !== 201) throw new Error(`Not created: ${text}`);
  const created = JSON.parse(text) as { id: string; primarySmtp: string; secondarySmtps: string[] };
  for (const address of [created.primarySmtp, ...created.secondarySmtps])
    await addressIs(url, address, "active");
  return created;
}

/** Ready when it resolves. */
export async function mailSystem(): Promise<MailSystem> {
  const processes = new Processes();
  const own: Servers = await servers();
  const database = await tcpProxy(own.registry.url, postgresPort);
  const registryUrl = database.through(own.registry.url);
  const [sink, auth] = [await lmtpSink(), await authSink()];
  const socketmapPort = await fixedPort();
  const startLookups = async () => {
    const started = await processes.start({
      env: {
        AMQP_URL: own.vhost.url,
        SERVICES: "mail-lookup",
        SOCKETMAP_PORT: String(socketmapPort),
        RECIPIENT_DELIMITER: "+",
        SOCKETMAP_INACTIVE: "refuse",
        REGISTRY_DATABASE_URL: registryUrl,
      },
    });
    await started.ready();
    return started;
  };
  const registry = { ...own.registry, url: registryUrl };
  const system = await startSystem(processes, { ...own, registry }, own.vhost.url);
  for (const part of [system.gateway, system.users, system.registry]) await part.ready();
  await systemIsReady(system.gateway);
  let lookups = await startLookups();
  const places = { httpUrl: system.gateway.httpUrl, socketmapPort, lmtpPort: sink.port, authPort: auth.port };
  const settings = blockOf(mailGuide(places), "ini").replace(
    "virtual_mailbox_domains = example.com",
    "virtual_mailbox_domains = example.com bücher.example xn--bcher-kva.example",
  );
  const mail = await postfix(settings.split("\n"));
  return {
    ...{ system, socketmapPort, database, sink, postfix: mail },
    get lookups() {
      return lookups;
    },
    age: (address, days) =>
      queryAt(
        own.registry.url,
        `update addresses set deleted_at = deleted_at - interval '${days} days' where key = '${address}'`,
      ),
    async stopLookups(signal = "SIGKILL") {
      lookups.kill(signal);
      await lookups.exited();
    },
    async startLookups() {
      lookups = await startLookups();
    },
    create: (user) => creator(system.gateway.httpUrl, user),
    async end() {
      await mail.stop();
      await processes.end();
      await database.close();
      await sink.close();
      await auth.close();
      await own.drop();
    },
  };
}
