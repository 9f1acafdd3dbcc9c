/**
 * PostgreSQL with a standby, looked after by Patroni with etcd, each with files and ports of its own. A promotion takes
 * as long as Patroni's `ttl` at most; `synchronous_mode` decides whether it may lose what was acknowledged.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { chmodSync, chownSync, mkdirSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { idsFor, type PostgresUser, postgresUser } from "../../../services/embedded/postgres-user.ts";
import { queryOnce } from "../../chaos/postgres.ts";
import { eventually } from "../../support/eventually.ts";
import { fixedPort } from "../../support/fixed-port.ts";
import { request } from "../../support/processes.ts";
import { hasEnded, runProgram, stopChild } from "../../support/provision/command.ts";
import type { Stops } from "../../support/stops.ts";
import { isRunning, signalAll, treeOf } from "./processes.ts";
import type { Program } from "./programs.ts";

/** How long a primary that is silent keeps its place. */
export const ttlS = 20;
const startTimeoutMs = 120_000;
const endTimeoutMs = 15_000;
export const connectionsMax = 150;

export const memberNames = ["p1", "p2"] as const;
export type MemberName = (typeof memberNames)[number];

export interface Member {
  readonly name: MemberName;
  readonly port: number;
  readonly restPort: number;
  url(database: string): string;
  start(): Promise<void>;
  /** SIGKILL to Patroni, the postmaster and all its backends at once. */
  kill(): Promise<void>;
  /** All of them stand still; with `only`, just the backends whose title matches. */
  freeze(only?: RegExp): void;
  thaw(): void;
}

export interface PatroniCluster {
  readonly members: readonly Member[];
  primary(): Promise<Member>;
  standby(): Promise<Member>;
  /** Resolves when there is a primary with a standby that streams: a synchronous one, where that is asked for. */
  whole(): Promise<void>;
  /** Planned; resolves when the other one is the primary. */
  switchover(): Promise<void>;
  configure(settings: Readonly<Record<string, unknown>>): Promise<void>;
}

interface Rows {
  readonly members: readonly { name: string; role: string; state: string; lag?: number }[];
}

interface Config {
  readonly synchronous_mode?: boolean;
}

export interface PatroniOptions {
  readonly patroni: Program;
  readonly etcd: Program;
  readonly postgresFolder: string;
  readonly folder: string;
  /** Gets their logs, which stay. */
  readonly logFolder: string;
  readonly stops: Stops;
  /** More settings of PostgreSQL. */
  readonly parameters?: Readonly<Record<string, unknown>>;
}

function logged(folder: string, name: string): number {
  return openSync(join(folder, `${name}.log`), "a");
}

/** Of Patroni's configuration; `v2` is the API of etcd that came before the present one. */
const apis = { v2: "etcd", v3: "etcd3" } as const;
type Api = keyof typeof apis;

/**
 * By etcd's API v3 a Patroni before 3.0.3, Debian 12's among them, writes the leader's key whoever has it by now (its pull
 * request 2689): a primary that stood still for longer than `ttl` takes its place back from the one that was promoted
 * meanwhile, and what that one acknowledged is gone. By v2 it has always compared first.
 */
async function apiOf({ patroni }: Pick<PatroniOptions, "patroni">): Promise<Api> {
  const environment = { ...process.env, ...patroni.environment };
  const said = await runProgram(patroni.path, [...patroni.args, "--version"], { env: environment });
  const numbers = /(\d+)\.(\d+)\.(\d+)/.exec(said.stdout)?.slice(1).map(Number);
  if (numbers === undefined) throw new Error(`Cannot tell Patroni's version: ${said.stdout}${said.stderr}`);
  const [major = 0, minor = 0, patch = 0] = numbers;
  return major > 3 || (major === 3 && (minor > 0 || patch >= 3)) ? "v3" : "v2";
}

/** Resolves with the port of its clients. */
async function startEtcd({ etcd, folder, logFolder, stops }: PatroniOptions, api: Api): Promise<number> {
  const [port, peerPort] = [await fixedPort(), await fixedPort()];
  const [client, peer] = [`http://127.0.0.1:${port}`, `http://127.0.0.1:${peerPort}`];
  const output = logged(logFolder, "etcd");
  const args = [
    ...["--name", "mailroster", "--data-dir", join(folder, "etcd")],
    ...["--listen-client-urls", client, "--advertise-client-urls", client],
    ...["--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer],
    ...["--initial-cluster", `mailroster=${peer}`, "--unsafe-no-fsync"],
    ...(api === "v2" ? ["--enable-v2=true"] : []),
  ];
  const child = spawn(etcd.path, [...etcd.args, ...args], {
    detached: true,
    stdio: ["ignore", output, output],
    env: { ...process.env, ...etcd.environment },
  });
  child.on("error", () => {}); // shows as not answering
  stops.add(() => stopChild(child, "SIGKILL"));
  await eventually(
    async () => {
      const { status } = await request(`${client}/health`);
      if (status !== 200) throw new Error("etcd is not healthy");
    },
    { timeoutMs: startTimeoutMs },
  );
  return port;
}

interface Store {
  readonly api: Api;
  readonly port: number;
}

function configurationOf(member: PatroniMember, store: Store, options: PatroniOptions): unknown {
  const { name, port, restPort, data } = member;
  const trust = ["local all all trust", "host all all 127.0.0.1/32 trust"];
  return {
    scope: "mailroster",
    name,
    restapi: { listen: `127.0.0.1:${restPort}`, connect_address: `127.0.0.1:${restPort}` },
    [apis[store.api]]: { hosts: `127.0.0.1:${store.port}` },
    bootstrap: {
      dcs: {
        ttl: ttlS,
        loop_wait: 3,
        retry_timeout: 5,
        // Who was away may not become the primary again with what it had then.
        check_timeline: true,
        synchronous_mode: true,
        postgresql: {
          use_pg_rewind: true,
          use_slots: true,
          parameters: {
            max_connections: connectionsMax,
            hot_standby: "on",
            wal_log_hints: "on",
            wal_keep_size: "512MB",
            ...options.parameters,
          },
        },
      },
      initdb: [{ encoding: "UTF8" }, { locale: "C" }, { auth: "trust" }],
    },
    postgresql: {
      listen: `127.0.0.1:${port}`,
      connect_address: `127.0.0.1:${port}`,
      data_dir: data,
      bin_dir: options.postgresFolder,
      pgpass: join(data, "../pgpass"),
      authentication: {
        superuser: { username: "postgres", password: "postgres" },
        replication: { username: "replicator", password: "replicator" },
      },
      parameters: { unix_socket_directories: "" },
      pg_hba: [...trust, "host replication all 127.0.0.1/32 trust"],
    },
  };
}

class PatroniMember implements Member {
  readonly name: MemberName;
  readonly port: number;
  readonly restPort: number;
  readonly data: string;
  readonly #configuration: string;
  readonly #options: PatroniOptions;
  readonly #user: PostgresUser;
  #child: ChildProcess | undefined;
  #frozen: number[] = [];

  constructor(name: MemberName, ports: { port: number; restPort: number }, options: PatroniOptions) {
    this.name = name;
    this.port = ports.port;
    this.restPort = ports.restPort;
    this.#options = options;
    this.data = join(options.folder, name, "data");
    this.#configuration = join(options.folder, `${name}.yml`);
    this.#user = postgresUser(join(options.postgresFolder, "postgres"), options.folder);
  }

  prepare(store: Store): void {
    const home = join(this.data, "..");
    mkdirSync(home, { recursive: true });
    const { ids } = this.#user;
    if (ids !== undefined) chownSync(home, ids.uid, ids.gid);
    // What is JSON is YAML, too.
    writeFileSync(this.#configuration, JSON.stringify(configurationOf(this, store, this.#options)));
  }

  url(database: string): string {
    return `postgresql://postgres@127.0.0.1:${this.port}/${database}`;
  }

  async start(): Promise<void> {
    const { patroni, folder, logFolder } = this.#options;
    const command = this.#user.command(patroni.path, [...patroni.args, this.#configuration]);
    const output = logged(logFolder, this.name);
    const child = spawn(command.program, command.args, {
      ...idsFor(this.#user, command.program),
      cwd: "/",
      detached: true,
      stdio: ["ignore", output, output],
      env: { ...process.env, HOME: join(folder, this.name), ...patroni.environment },
    });
    child.on("error", () => {}); // shows as having ended
    this.#child = child;
    await eventually(
      async () => {
        if (!hasEnded(child)) await queryOnce(this.url("postgres"), "select 1");
      },
      { timeoutMs: startTimeoutMs },
    );
    if (hasEnded(child)) {
      const said = readFileSync(join(logFolder, `${this.name}.log`), "utf8");
      throw new Error(`Patroni ${this.name} has ended: ${said.trim().split("\n").at(-1)}`);
    }
  }

  #postmaster(): number | undefined {
    try {
      return Number(readFileSync(join(this.data, "postmaster.pid"), "utf8").split("\n")[0]);
    } catch {
      return undefined;
    }
  }

  /** Patroni starts the postmaster in a session of its own, so one is not always below the other. */
  #pids(): number[] {
    return [...new Set([...treeOf(this.#child?.pid), ...treeOf(this.#postmaster())])];
  }

  async kill(): Promise<void> {
    if (this.#child === undefined) return;
    const pids = this.#pids();
    signalAll(pids, "SIGKILL");
    await stopChild(this.#child, "SIGKILL");
    await eventually(
      () => {
        if (pids.some(isRunning)) throw new Error(`${this.name} does not end`);
      },
      { timeoutMs: endTimeoutMs },
    );
    this.#child = undefined;
  }

  freeze(only?: RegExp): void {
    const title = (pid: number): string => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, "utf8");
      } catch {
        return "";
      }
    };
    this.#frozen = this.#pids().filter((pid) => only === undefined || only.test(title(pid)));
    signalAll(this.#frozen, "SIGSTOP");
  }

  thaw(): void {
    signalAll(this.#frozen, "SIGCONT");
  }
}

function clusterOf(members: readonly PatroniMember[]): PatroniCluster {
  const rest = async (method: string, path: string, body?: unknown): Promise<string> => {
    const failures: string[] = [];
    for (const { restPort } of members)
      try {
        const { status, text } = await request(`http://127.0.0.1:${restPort}${path}`, { method, body });
        if (status < 300) return text;
        failures.push(`${status} ${text}`);
      } catch (error) {
        failures.push((error as Error).message);
      }
    throw new Error(`Patroni refuses ${path}: ${failures.join("; ")}`);
  };
  const rows = async (): Promise<Rows["members"]> =>
    (JSON.parse(await rest("GET", "/cluster")) as Rows).members;
  const withRole = async (isWanted: (role: string) => boolean): Promise<Member> => {
    const row = (await rows()).find(({ role }) => isWanted(role));
    const member = members.find(({ name }) => name === row?.name);
    if (member === undefined)
      throw new Error(`Patroni knows no such member: ${JSON.stringify(await rows())}`);
    return member;
  };
  const primary = () => withRole((role) => role === "leader");
  const whole = () =>
    eventually(
      async () => {
        const [state] = await queryOnce<{ streams: number }>(
          (await primary()).url("postgres"),
          "select count(*)::int as streams from pg_stat_replication where state = 'streaming'",
        );
        const all = await rows();
        if ((state?.streams ?? 0) < members.length - 1)
          throw new Error(`No standby streams: ${JSON.stringify(all)}`);
        // PostgreSQL waits for the standby before Patroni has written down that it may be promoted.
        const { synchronous_mode: synchronous } = JSON.parse(await rest("GET", "/config")) as Config;
        if (synchronous === true && !all.some(({ role }) => role === "sync_standby"))
          throw new Error(`The standby may not be promoted: ${JSON.stringify(all)}`);
      },
      { timeoutMs: startTimeoutMs },
    );
  return {
    members,
    primary,
    standby: () => withRole((role) => role !== "leader"),
    whole,
    async switchover() {
      const [leader, candidate] = [await primary(), await withRole((role) => role !== "leader")];
      await rest("POST", "/switchover", { leader: leader.name, candidate: candidate.name });
    },
    configure: async (settings) => void (await rest("PATCH", "/config", settings)),
  };
}

/** Resolves when the standby streams. */
export async function startPatroni(options: PatroniOptions): Promise<PatroniCluster> {
  // The account of PostgreSQL has to pass through the folder.
  chmodSync(options.folder, 0o755);
  const api = await apiOf(options);
  const store = { api, port: await startEtcd(options, api) };
  const members: PatroniMember[] = [];
  for (const name of memberNames) {
    const ports = { port: await fixedPort(), restPort: await fixedPort() };
    const member = new PatroniMember(name, ports, options);
    member.prepare(store);
    options.stops.add(() => member.kill());
    members.push(member);
  }
  const cluster = clusterOf(members);
  // The first one that comes makes the database; the second copies it.
  for (const member of members) await member.start();
  await cluster.whole();
  return cluster;
}
