/**
 * The pure functions that a request and its event go through, each with an input of its usual size. No time and no chance
 * in what they are given, so that a call costs the same each time.
 */
import { parseEvent } from "../../../mixins/bus/event-parsing.ts";
import { outboxRow } from "../../../mixins/bus/outbox-row.ts";
import { eventProperties, isEncodable } from "../../../mixins/bus/wire.ts";
import { isCorrelationId, validTraceparent } from "../../../mixins/context/correlation.ts";
import { fingerprintOf, operationOf } from "../../../mixins/idempotency.ts";
import { frameOf, packetsOf } from "../../../mixins/moleculer/call-frames.ts";
import { decodeCursor, encodeCursor } from "../../../mixins/postgres/keyset-cursor.ts";
import { compile } from "../../../mixins/postgres/statement.ts";
import { Netstrings, netstring } from "../../../mixins/socketmap/netstrings.ts";
import { CreateUser } from "../../../services/contracts/actions.ts";
import { parseAddress } from "../../../services/contracts/address.ts";
import type { UserEvent } from "../../../services/contracts/events.ts";
import { UserId } from "../../../services/contracts/user.ts";
import { ListUsers } from "../../../services/contracts/user-lists.ts";
import type { WebRequest } from "../../../services/gateway/http/exchange.ts";
import { structureFault } from "../../../services/gateway/http/json-structure.ts";
import { readHead } from "../../../services/gateway/http/request-head.ts";
import { operations } from "../../../services/gateway/routes/index.ts";
import { scimUser } from "../../../services/gateway/routes/scim-examples.ts";
import { stateWanted } from "../../../services/scim/mapping.ts";
import { userType } from "../../../services/scim/schemas.ts";
import { resourceIn } from "../../../services/scim/values.ts";
import { judge, newestOf } from "../../../services/smtp-registry/projection.ts";
import { toNote, toUserEvent } from "../../../services/users/events.ts";
import { createdView, searchTextOf } from "../../../services/users/queries.ts";
import { decideCreate, wantedAddresses } from "../../../services/users/rules.ts";
import { usersById } from "../../../services/users/sql.ts";

const id = "0199a000-0000-7000-8000-000000000001";
const correlationId = "5e0e6c1c-3f0b-4c43-9f6d-2d1a0c4a7b11";
const traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const request = { displayName: "Ann Chen", primarySmtp: "ann.chen@example.com" };
const body = JSON.stringify(request);
const now = new Date("2026-03-02T10:00:00.000Z");
const cause = { action: "users.create", correlationId, actor: "key:7Hq2Zk0pXw4R" } as const;
const assigned = [{ address: request.primarySmtp, kind: "primary" }] as const;
const { state, changes } = decideCreate(id, request, assigned, now);
const event = toUserEvent(id, "user.created.v1", state, changes, cause);
const eventBody = JSON.stringify(event);
const delivered = Buffer.from(eventBody);
const message = { id, type: event.type, correlationId, body: eventBody };
const packets = Array.from({ length: 5 }, () => Buffer.alloc(600, 0x61));
const batch: UserEvent[] = Array.from({ length: 10 }, (_, n) => ({ ...event, subject: `${id}${n % 5}` }));

/** Addresses of one length that nobody has parsed yet. */
let serial = 1_000_000;
const fresh = (domain: string): string => `ann.${serial++}@${domain}`;

function operationOfId(sought: string) {
  const found = operations.find((operation) => operation.id === sought);
  if (found === undefined) throw new Error(`Cannot find the operation ${sought}`);
  return found;
}
const createUser = operationOfId("createUser");
const listUsers = operationOfId("listUsers");

const head = (operation: typeof createUser, query: string, headers: Record<string, string>): void =>
  readHead({ exchange: { query }, headers, $ctx: { meta: {} } } as unknown as WebRequest, operation);

export const hotFunctions: Readonly<Record<string, () => unknown>> = {
  "an address: parsed and keyed for the first time": () => parseAddress(fresh("example.com")),
  "an address of another script: parsed and keyed for the first time": () =>
    parseAddress(`žofie.${serial++}@bücher.example`),
  "an address: parsed and keyed again": () => parseAddress(request.primarySmtp),
  "head: correlation and trace": () => [isCorrelationId(correlationId), validTraceparent(traceparent)],
  "head of a create with a key": () =>
    head(createUser, "", { "idempotency-key": `"${correlationId}"`, "content-type": "application/json" }),
  "head of a list with q": () => head(listUsers, "q=ann+chen&limit=20", {}),
  "body: JSON and its structure": () => [JSON.parse(body), structureFault(body, 32)],
  "body of a create: checked": () => CreateUser.safeParse(request),
  "query of a list: checked": () => ListUsers.safeParse({ q: "ann chen", limit: "20" }),
  "idempotency: fingerprint and operation": () =>
    operationOf("users.create", correlationId, fingerprintOf("users.create", request)),
  "rules of a create": () => [wantedAddresses(request), decideCreate(id, request, assigned, now)],
  "row of a create: search text": () => searchTextOf(state),
  "event: made and put into its row": () => {
    const made = toUserEvent(id, "user.created.v1", state, changes, cause);
    return outboxRow(made, toNote(made, cause, { operationId: correlationId, keyed: true }));
  },
  "event: as a message": () => [isEncodable(message), eventProperties(message)],
  "event: read and checked": () =>
    parseEvent({
      messageId: id,
      correlationId,
      routingKey: event.type,
      body: delivered,
      attempts: 0,
    }),
  "projection: a batch of ten judged": () => [judge(batch, new Map()), newestOf(batch)],
  "answer of a create": () => JSON.stringify(createdView(state, [])),
  "calls: five packets in one message": () => packetsOf(frameOf(packets)),
  "a statement: compiled": () => compile(usersById([id])),
  "cursor: written and read": () => decodeCursor(encodeCursor([id]), UserId.array()),
  "socketmap: a request read, an answer written": () => {
    const reader = new Netstrings();
    reader.add(Buffer.from(netstring(`mailboxes ${request.primarySmtp}`)));
    return [reader.next(), netstring(`OK ${request.primarySmtp}`)];
  },
  "SCIM: a create read": () => stateWanted(undefined, resourceIn(userType, scimUser), { client: "okta" }),
};
