/**
 * The bare reference, the denominator of every ratio: node:http, pg and amqplib by hand, the same durable work as the
 * system (reservation in the registry's database, one-statement transaction, relay with confirms, two batching
 * consumers), no framework, no coalescing of requests. `ROLES` says which parts a process plays: api (with
 * the relay), consumers (both); or one alone: relay, projection.
 *
 * It prints `ready <port>` once it serves.
 */
import { randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import pg from "pg";
import { v7 as uuidv7 } from "uuid";
import { partitionOf } from "../../../mixins/bus/outbox-row.ts";
import { addressKey } from "../../../services/contracts/address.ts";
import { consumers } from "../../../services/contracts/consumers.ts";
import { type ReferenceEvent, startConsumer } from "./consumer.ts";
import { startRelay } from "./relay.ts";
import * as sql from "./statements.ts";

const env = (name: string): string => {
  const value = process.env[name];
  if (value === undefined) throw new Error(`Cannot start the reference: ${name} is missing`);
  return value;
};
const amqpUrl = env("AMQP_URL");
const roles = new Set(env("ROLES").split(","));
const users = new pg.Pool({ connectionString: env("DATABASE_URL"), max: 20 });
const registry = new pg.Pool({ connectionString: env("REGISTRY_DATABASE_URL"), max: 20 });
const stops: (() => Promise<void>)[] = [];
const bodyBytesMax = 65_536;

async function bodyOf(req: IncomingMessage): Promise<Record<string, unknown>> {
  let body = "";
  for await (const chunk of req) {
    body += chunk;
    if (body.length > bodyBytesMax) throw new Error("too large");
  }
  return JSON.parse(body) as Record<string, unknown>;
}

function send(res: ServerResponse, status: number, value: unknown): void {
  const body = JSON.stringify(value);
  res.writeHead(status, { "content-type": "application/json", "content-length": Buffer.byteLength(body) });
  res.end(body);
}

async function create(req: IncomingMessage, res: ServerResponse, nudge: () => void): Promise<void> {
  const { displayName, primarySmtp } = await bodyOf(req);
  if (typeof displayName !== "string" || typeof primarySmtp !== "string") return send(res, 422, {});
  const id = uuidv7();
  const key = addressKey(primarySmtp);
  const held = await registry.query({
    name: "reserve",
    text: sql.reserve,
    values: [key, primarySmtp, id, randomUUID()],
  });
  if (held.rowCount === 0) return send(res, 409, {});
  const at = new Date().toISOString();
  const correlationId = randomUUID();
  const user = {
    id,
    displayName,
    primarySmtp,
    secondarySmtps: [],
    version: 1,
    createdAt: at,
    updatedAt: at,
  };
  const eventId = randomUUID();
  const event = {
    specversion: "1.0",
    id: eventId,
    source: "/mailroster/users",
    type: "user.created.v1",
    subject: id,
    time: at,
    datacontenttype: "application/json",
    dataschema: "urn:mailroster:schema:user.created.v1",
    correlationid: correlationId,
    causationid: correlationId,
    sequence: 1,
    actor: "anonymous",
    data: {
      user: { ...user, deletedAt: null },
      changes: [
        { field: "displayName", from: null, to: displayName },
        { field: "primarySmtp", from: null, to: primarySmtp },
        { field: "secondarySmtps", from: null, to: [] },
      ],
    },
  };
  const search = `${displayName}\n${primarySmtp}`.toLowerCase();
  const body = JSON.stringify(event);
  await users.query({
    name: "create",
    text: sql.create,
    values: [id, displayName, primarySmtp, search, at, key, partitionOf(id), eventId, correlationId, body],
  });
  nudge();
  send(res, 201, user);
}

async function get(id: string, res: ServerResponse): Promise<void> {
  const { rows } = await users.query({ name: "get", text: sql.get, values: [id] });
  send(res, rows.length === 0 ? 404 : 200, rows[0] ?? {});
}

async function find(query: string, res: ServerResponse): Promise<void> {
  const values = [new URLSearchParams(query).get("q") ?? ""];
  const { rows } = await users.query({ name: "find", text: sql.find, values });
  send(res, 200, { items: rows });
}

function answer(req: IncomingMessage, res: ServerResponse, nudge: () => void): Promise<void> {
  if (req.method === "POST") return create(req, res, nudge);
  const [path = "", query] = (req.url ?? "").split("?");
  return query === undefined ? get(path.slice(7), res) : find(query, res);
}

async function startApi(): Promise<number> {
  const relay = await startRelay(users, amqpUrl);
  const server = createServer((req, res) => {
    answer(req, res, relay.nudge).catch((error: unknown) => send(res, 500, { error: String(error) }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  stops.push(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    await relay.stop();
  });
  return (server.address() as { port: number }).port;
}

async function startProjection(): Promise<void> {
  const consumer = await startConsumer({
    amqpUrl,
    queue: consumers["smtp-registry"].queue,
    pool: registry,
    name: "project",
    text: sql.project,
    rowOf: ({ subject, sequence, time, data }: ReferenceEvent) => ({
      user_id: subject,
      version: sequence,
      key: addressKey(data.user.primarySmtp),
      address: data.user.primarySmtp,
      at: time,
    }),
  });
  stops.push(consumer.stop);
}

async function startAudit(): Promise<void> {
  const consumer = await startConsumer({
    amqpUrl,
    queue: consumers.audit.queue,
    pool: users,
    name: "record",
    text: sql.record,
    rowOf: ({ id, time, subject, sequence, actor, correlationid, data }: ReferenceEvent) => ({
      id,
      at: time,
      user_id: subject,
      version: sequence,
      actor,
      correlation_id: correlationid,
      changes: data.changes,
    }),
  });
  stops.push(consumer.stop);
}

if (roles.has("consumers")) await Promise.all([startProjection(), startAudit()]);
if (roles.has("projection")) await startProjection();
if (roles.has("relay")) stops.push((await startRelay(users, amqpUrl)).stop);
const port = roles.has("api") ? await startApi() : 0;
process.once("SIGTERM", async () => {
  for (const stop of stops) await stop();
  await Promise.all([users.end(), registry.end()]);
});
process.stdout.write(`ready ${port}\n`);
