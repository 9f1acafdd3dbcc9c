/**
 * The programs of the engines: installed ones, or the distribution's packages, unpacked and not installed, because the
 * packages of etcd, HAProxy and RabbitMQ start a service each.
 */
import { existsSync, globSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { findProgram } from "../../support/provision/command.ts";
import { unpackedPackage } from "../../support/provision/packages.ts";
import { type RabbitPrograms, rabbitPrograms } from "../../support/provision/rabbitmq.ts";

export interface Program {
  readonly path: string;
  /** Stands before its own arguments. */
  readonly args: readonly string[];
  /** Where its libraries are, when it is not installed. */
  readonly environment: Readonly<Record<string, string>>;
}

export interface Programs {
  readonly rabbit: RabbitPrograms;
  readonly patroni: Program;
  readonly etcd: Program;
  readonly haproxy: Program;
  /** The folder of postgres, pg_basebackup, pg_rewind and their kind, which Patroni is told. */
  readonly postgresFolder: string;
}

export const advice =
  "Cannot start the engines: apt-get install rabbitmq-server postgresql patroni etcd-server haproxy (Debian 12 or later)";

const folders = ["/usr/sbin", "/usr/local/sbin", "/usr/bin", "/usr/local/bin"];

function installed(name: string): Program | undefined {
  const path = findProgram(name, folders);
  return path === undefined ? undefined : { path, args: [], environment: {} };
}

const librariesOf = (root: string): string =>
  globSync(["lib/*-linux-*", "usr/lib/*-linux-*"], { cwd: root })
    .map((library) => join(root, library))
    .join(":");

async function unpacked(name: string, path: string, family?: RegExp): Promise<Program> {
  const root = await unpackedPackage(name, family);
  return { path: join(root, path), args: [], environment: { LD_LIBRARY_PATH: librariesOf(root) } };
}

/** A program in Python, with the Python that it was packed for. */
async function unpackedPatroni(): Promise<Program> {
  const root = await unpackedPackage("patroni", /^(patroni|(lib)?python3[a-z0-9.+-]*|media-types)$/);
  const [python] = globSync("usr/bin/python3.[0-9]*", { cwd: root });
  if (python === undefined) throw new Error("the package of Patroni comes without a Python");
  return {
    path: join(root, python),
    args: [join(root, "usr/bin/patroni")],
    environment: {
      PYTHONHOME: join(root, "usr"),
      PYTHONPATH: join(root, "usr/lib/python3/dist-packages"),
      LD_LIBRARY_PATH: librariesOf(root),
    },
  };
}

/** The newest server whose every program is there: what an installation of clients alone has is not enough. */
function postgresFolder(): string | undefined {
  const root = "/usr/lib/postgresql";
  const versions = existsSync(root) ? readdirSync(root).sort((a, b) => Number(b) - Number(a)) : [];
  const onPath = findProgram("pg_rewind");
  const candidates = [
    ...versions.map((version) => join(root, version, "bin")),
    ...(onPath === undefined ? [] : [join(onPath, "..")]),
  ];
  return candidates.find((folder) =>
    ["postgres", "initdb", "pg_rewind", "pg_basebackup", "pg_ctl"].every((name) =>
      existsSync(join(folder, name)),
    ),
  );
}

/** Whoever starts one of its programs knows nothing of its libraries, so each is started by a script that does. */
async function unpackedPostgres(): Promise<string> {
  const root = await unpackedPackage("postgresql-15", /^postgresql-client-15$/);
  const [programs, scripts] = [join(root, "usr/lib/postgresql/15/bin"), join(root, "scripts")];
  mkdirSync(scripts, { recursive: true });
  for (const name of readdirSync(programs)) {
    const command = `LD_LIBRARY_PATH='${librariesOf(root)}' exec '${join(programs, name)}' "$@"`;
    writeFileSync(join(scripts, name), `#!/bin/sh\n${command}\n`, { mode: 0o755 });
  }
  return scripts;
}

/** Rejects with what to install. */
export async function findPrograms(): Promise<Programs> {
  try {
    return {
      rabbit: await rabbitPrograms(),
      patroni: installed("patroni") ?? (await unpackedPatroni()),
      etcd: installed("etcd") ?? (await unpacked("etcd-server", "usr/bin/etcd")),
      haproxy: installed("haproxy") ?? (await unpacked("haproxy", "usr/sbin/haproxy")),
      postgresFolder: postgresFolder() ?? (await unpackedPostgres()),
    };
  } catch (cause) {
    throw new Error(`${advice}: ${(cause as Error).message}`, { cause });
  }
}
