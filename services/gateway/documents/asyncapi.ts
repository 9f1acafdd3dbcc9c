/** The AsyncAPI 3 document of the events, made from the event schemas and the names on the wire. */

import { consumerQueues, consumers } from "../../contracts/consumers.ts";
import { dataschemas, eventSchemas, eventTypes, type FactType } from "../../contracts/events.ts";
import { cloudEventsContentType, deadLetterQueue, usersExchange } from "../../contracts/headers.ts";
import * as example from "../routes/examples.ts";
import { contact, licenseUrl, projectInfo, type SchemaCollection, schemaCollection } from "./json-schema.ts";

const bindingVersion = "0.3.0";

const summaries: Record<FactType, string> = {
  "user.created.v1": "A user was created",
  "user.updated.v1": "A user's name or addresses changed",
  "user.deleted.v1": "A user was deleted; its addresses are kept from everybody else",
  "user.restored.v1": "A deleted user is back with all its addresses",
  "user.erased.v1": "A deleted user was erased: consumers must let go of all that they keep of it",
};

const uses: Record<string, string> = {
  [consumers["smtp-registry"].queue]: "smtp-registry learns from it whose each address is",
  [consumers.audit.queue]: "The audit log is written from it",
};

function examplesOf(type: FactType) {
  const payload = example.event(type);
  return payload === undefined ? [] : [{ name: type, summary: summaries[type], payload }];
}

const message = (type: FactType, schemas: SchemaCollection) => ({
  name: type,
  title: summaries[type],
  summary: summaries[type],
  contentType: cloudEventsContentType,
  correlationId: { location: "$message.payload#/correlationid" },
  payload: schemas.add(eventSchemas[type]),
  "x-dataschema": dataschemas[type],
  examples: examplesOf(type),
  bindings: { amqp: { messageType: type, bindingVersion } },
});

const messageReferences = (types: readonly FactType[]) =>
  Object.fromEntries(types.map((type) => [type, { $ref: `#/components/messages/${type}` }]));

/** One channel a routing key: what a producer sends to, and what a consumer of its own binds a queue to. */
const routingKeyChannel = (type: FactType) => ({
  address: type,
  title: summaries[type],
  description: `The routing key of the exchange ${usersExchange}`,
  messages: messageReferences([type]),
  bindings: {
    amqp: {
      is: "routingKey",
      exchange: { name: usersExchange, type: "topic", durable: true, autoDelete: false, vhost: "/" },
      bindingVersion,
    },
  },
});

const queueChannel = (queue: string) => ({
  address: queue,
  description: `A quorum queue bound to every routing key; what can't be handled ends in ${deadLetterQueue(queue)}`,
  messages: messageReferences(eventTypes),
  bindings: {
    amqp: {
      is: "queue",
      queue: { name: queue, durable: true, exclusive: false, autoDelete: false, vhost: "/" },
      bindingVersion,
    },
  },
});

const broker = "rabbitmq";
const login = "userAndPassword";

/** Whoever runs mailroster says where its broker is; the defaults are those of RabbitMQ. */
const server = {
  host: "{host}:{port}",
  protocol: "amqp",
  protocolVersion: "0-9-1",
  description: "The RabbitMQ that mailroster publishes to",
  variables: {
    host: { default: "localhost", description: "The broker's name or address" },
    port: { default: "5672", description: "5671 for AMQP over TLS" },
  },
  security: [{ $ref: `#/components/securitySchemes/${login}` }],
};

/** An event needs somebody to ask about it, and no name of theirs is known here: the defaults, as of the server. */
const address = { url: "http://localhost:3000/", email: "postmaster@localhost.localdomain" };

const operation = (
  action: "send" | "receive",
  channel: string,
  types: readonly FactType[],
  description: string,
) => ({
  action,
  title: description,
  summary: description,
  description,
  channel: { $ref: `#/channels/${channel}` },
  messages: types.map((type) => ({ $ref: `#/channels/${channel}/messages/${type}` })),
});

/** The whole document; valid AsyncAPI 3.1 (test/integration/gateway-documents.test.ts). */
export function asyncApiDocument() {
  const schemas = schemaCollection("draft-7");
  const messages = Object.fromEntries(eventTypes.map((type) => [type, message(type, schemas)]));
  const { version } = projectInfo();
  const queues = consumerQueues;
  return {
    asyncapi: "3.1.0",
    info: {
      title: "mailroster events",
      version,
      license: { name: "MIT", url: licenseUrl },
      contact: { ...contact, ...address },
      tags: [{ name: "users", description: "People and their addresses" }],
      description:
        "Structured CloudEvents 1.0 as persistent messages. Every event carries the user's whole state and version, so a consumer that applies only newer versions needs no order. Ignore members that you do not know.",
    },
    defaultContentType: cloudEventsContentType,
    servers: { [broker]: server },
    channels: {
      ...Object.fromEntries(eventTypes.map((type) => [type, routingKeyChannel(type)])),
      ...Object.fromEntries(queues.map((queue) => [queue, queueChannel(queue)])),
    },
    operations: Object.fromEntries([
      ...eventTypes.map((type) => {
        const says = `${summaries[type]}; published once that is committed`;
        return [`send.${type}`, operation("send", type, [type], says)] as const;
      }),
      ...queues.map((queue) => {
        const says = uses[queue] ?? "A consumer's queue";
        return [`receive.${queue}`, operation("receive", queue, eventTypes, says)] as const;
      }),
    ]),
    components: {
      messages,
      schemas: schemas.schemas,
      securitySchemes: {
        [login]: { type: "userPassword", description: "A user of the broker that may read the exchange" },
      },
    },
  };
}
