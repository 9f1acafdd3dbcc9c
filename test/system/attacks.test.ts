/**
 * What an attacker found (docs/security.md), by the numbers there, against a whole system that serves on: what needs
 * nothing but the network, or an account on the machine.
 */
import { readFileSync, statSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { eventually } from "../support/eventually.ts";
import { Processes, request, runtimes, type TestProcess } from "../support/processes.ts";
import { sendRaw } from "../support/raw-http.ts";

const portOf = (url: string): number => Number(new URL(url).port);

interface Target extends TestProcess {
  readonly folder: string;
  /** A user who is read while others attack. */
  readonly userId: string;
}

async function isServed(t: ExecutionContext, { httpUrl, userId }: Target, during: string): Promise<void> {
  t.is((await request(`${httpUrl}/users/${userId}`)).status, 200, during);
}

const create = (httpUrl: string, primarySmtp: string, more: object = {}) =>
  request(`${httpUrl}/users`, { body: { displayName: "Ann", primarySmtp, ...more } });

const head = (length: number): string =>
  `POST /users HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\n\r\n`;

/** Connections that have sent `text`. */
function connections(port: number, count: number, text: string): Promise<Socket[]> {
  return Promise.all(
    Array.from(
      { length: count },
      () =>
        new Promise<Socket>((resolve, reject) => {
          const socket = connect(port, "127.0.0.1", () => socket.write(text, () => resolve(socket)));
          socket.once("error", reject);
          socket.on("error", () => {}); // it may be cut off
          socket.resume();
        }),
    ),
  );
}

type Attack = (t: ExecutionContext, target: Target) => Promise<void>;

const attacks: Readonly<Record<string, Attack>> = {
  async "F7: 1,001 slow bodies"(t, target) {
    const slow = await connections(portOf(target.httpUrl), 1_001, `${head(10)}{`);
    for (let n = 0; n < 10; n += 1) {
      await isServed(t, target, "slow bodies");
      const body = JSON.stringify({ displayName: "Ann", primarySmtp: `beside${n}@example.com` });
      const text = `${head(body.length).replace("Host:", "Connection: close\r\nHost:")}${body}`;
      t.is((await sendRaw(portOf(target.httpUrl), text)).status, 201);
    }
    for (const socket of slow) socket.destroy();
  },
  async "F13: health and OPTIONS by the hundred"(t, target) {
    const asked = Array.from({ length: 200 }, () => request(`${target.httpUrl}/health/ready`));
    await isServed(t, target, "health");
    for (const { status } of await Promise.all(asked)) t.is(status, 200);
  },
  async "F14: addresses that are instructions, or whose owner is given certificates"(t, { httpUrl }) {
    for (const local of ["|/bin/sh", "-froot", "/etc/passwd", "a%b.com", "a!b", ":include:x", "`id`", "a|b"])
      t.is((await create(httpUrl, `${local}@example.com`)).status, 422, local);
    for (const local of [
      "admin",
      "Administrator",
      "postmaster",
      "ROOT",
      "ssladmin",
      "webmaster",
      "hostmaster",
    ]) {
      const answer = await create(httpUrl, `${local}@example.com`);
      t.is(answer.status, 409, local);
      t.notRegex(answer.text, /postmaster2|admin2/);
    }
    t.is(
      (await create(httpUrl, "postmaster2@example.com", { onTaken: "refuse" })).status,
      201,
      "asked for by name",
    );
  },
  async "F16: 2,000 connections that say nothing"(t, target) {
    const idle = await connections(portOf(target.httpUrl), 2_000, "");
    await isServed(t, target, "connections");
    for (const socket of idle) socket.destroy();
  },
  async "F17: so many headers that a runtime drops the last ones"(t, { httpUrl }) {
    for (const count of [250, 990, 1_990, 2_500]) {
      const junk = Array.from({ length: count }, (_, n) => `X-${n}: y\r\n`).join("");
      const text = `GET /users HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n${junk}X-Actor: proxy\r\n\r\n`;
      t.is((await sendRaw(portOf(httpUrl), text)).status, 431, String(count));
    }
  },
  async "F22: all suffixes of a name"(t, target) {
    const boss = (number: number) => `boss${number === 1 ? "" : number}@example.com`;
    for (let from = 1; from < 2_700; from += 101) {
      const addresses = Array.from({ length: 101 }, (_, n) => boss(from + n));
      const answer = await create(target.httpUrl, addresses[0] ?? "", { secondarySmtps: addresses.slice(1) });
      t.is(answer.status, 201);
    }
    const next = await create(target.httpUrl, boss(1));
    t.is(next.status, 201);
    t.is(next.json<{ primarySmtp: string }>().primarySmtp, "boss2728@example.com");
    await isServed(t, target, "suffixes");
  },
  async "F23: names that are invisible or reversed"(t, { httpUrl }) {
    for (const displayName of ["\u200b", "\u202eevil", "a\u2066b", "\u2028"])
      t.is(
        (await request(`${httpUrl}/users`, { body: { displayName, primarySmtp: "seen@example.com" } }))
          .status,
        422,
        JSON.stringify(displayName),
      );
    for (const local of ["ce\u200bo", "ce\u00ado", "ce\u202eo"])
      t.is((await create(httpUrl, `${local}@example.com`)).status, 422, JSON.stringify(local));
  },
  async "F24: two Hosts, an invalid one, no version"(t, { httpUrl }) {
    for (const lines of [
      ["GET /users HTTP/1.1", "Host: localhost", "Host: localhost"],
      ["GET /users HTTP/1.1", "Host: a b"],
      ["GET /users HTTP/1.1"],
      ["GET /users"],
    ])
      t.is(
        (await sendRaw(portOf(httpUrl), `${lines.join("\r\n")}\r\nConnection: close\r\n\r\n`)).status,
        400,
      );
  },
  async "F25: a local account at the door of the REPL"(t, target) {
    const lock = JSON.parse(readFileSync(join(target.folder, "mailroster.lock"), "utf8")) as {
      door: { port: number };
    };
    const packet = Buffer.from([0, 0, 0, 0, 40, 1, ...Buffer.alloc(34, "x")]);
    packet[0] = packet.subarray(1, 6).reduce((crc, byte) => crc ^ byte, 0);
    const told = () => target.logs().filter(({ msg }) => /door of the REPL|CRC/.test(String(msg))).length;
    for (let n = 0; n < 50; n += 1)
      for (const sent of [packet, Buffer.from("GET / HTTP/1.1\r\n\r\n")])
        await new Promise<void>((resolve) => {
          const socket = connect(lock.door.port, "127.0.0.1", () => socket.write(sent));
          socket.on("error", () => {}); // it is cut off
          socket.once("close", () => resolve());
        });
    await eventually(() => {
      if (told() === 0) throw new Error("Cannot go on: nothing is told yet");
    });
    t.is(told(), 1, "one line a minute");
    const silent = (await connections(lock.door.port, 1, ""))[0] as Socket;
    await new Promise((resolve) => silent.once("close", resolve));
    await isServed(t, target, "the door");
  },
  async "F26: odds"(t, { httpUrl, opsUrl, folder, userId }) {
    t.is(statSync(folder).mode & 0o077, 0, "the data folder is nobody else's");
    t.is((await request(`${opsUrl}/metrics`)).headers.get("x-content-type-options"), "nosniff");
    t.is((await request(`${httpUrl}/docs`)).headers.get("cache-control"), "private, max-age=3600");
    for (const limit of ["0x27", "1e1", "+5", "%205"])
      t.is((await request(`${httpUrl}/users?limit=${limit}`)).status, 422, limit);
    const headers = { "x-actor": "repl:root", "x-correlation-id": "claims" };
    const body = { displayName: "Ann Claimed" };
    t.is((await request(`${httpUrl}/users/${userId}`, { method: "PATCH", body, headers })).status, 200);
    await eventually(async () => {
      const { items } = (await request(`${httpUrl}/audit?correlationId=claims`)).json<{
        items: { actor: string }[];
      }>();
      if (items.length === 0) throw new Error("Cannot go on: the audit log has no entry yet");
      t.is(items[0]?.actor, "local");
    });
  },
};

for (const runtime of runtimes)
  test.serial(`on ${runtime} a system is attacked in every way that is known, and serves on`, async (t) => {
    const processes = new Processes();
    try {
      const folder = join(processes.folder(), "data");
      const system = await processes.start({ env: { DATA_DIR: folder, LOG_FORMAT: "json" }, runtime });
      await system.ready();
      const { id } = (await create(system.httpUrl, "ann@example.com")).json<{ id: string }>();
      const target = { ...system, folder, userId: id };
      for (const [name, attack] of Object.entries(attacks)) {
        t.log(name);
        await attack(t, target);
        await isServed(t, target, `after ${name}`);
      }
      system.kill("SIGTERM");
      t.is((await system.exited()).code, 0);
    } finally {
      await processes.end();
    }
  });
