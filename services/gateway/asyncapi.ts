/** The AsyncAPI 3 document of the events, made from the event schemas and the names on the wire. */
import { dataschemaOf, eventSchemas, eventTypes, type UserEventType } from "../contracts/events.ts";
import { cloudEventsContentType, deadLetterQueue, queueName, usersExchange } from "../contracts/headers.ts";
import { projectInfo, type SchemaCollection, schemaCollection } from "./json-schema.ts";

const bindingVersion = "0.3.0";

const summaries: Record<UserEventType, string> = {
  "user.created.v1": "A user was created",
  "user.updated.v1": "A user's name or addresses changed",
  "user.deleted.v1": "A user was deleted; its addresses are kept from everybody else",
  "user.restored.v1": "A deleted user is back with all its addresses",
};

const message = (type: UserEventType, schemas: SchemaCollection) => ({
  name: type,
  title: summaries[type],
  contentType: cloudEventsContentType,
  correlationId: { location: "$message.payload#/correlationid" },
  payload: schemas.add(eventSchemas[type]),
  "x-dataschema": dataschemaOf(type),
  bindings: { amqp: { messageType: type, bindingVersion } },
});

const messageReferences = (types: readonly UserEventType[]) =>
  Object.fromEntries(types.map((type) => [type, { $ref: `#/components/messages/${type}` }]));

/** One channel a routing key: what a producer sends to, and what a consumer of its own binds a queue to. */
const routingKeyChannel = (type: UserEventType) => ({
  address: type,
  title: summaries[type],
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

const operation = (action: "send" | "receive", channel: string, types: readonly UserEventType[]) => ({
  action,
  channel: { $ref: `#/channels/${channel}` },
  messages: types.map((type) => ({ $ref: `#/channels/${channel}/messages/${type}` })),
});

/** The whole document; valid AsyncAPI 3.0 (test/integration/gateway-documents.test.ts). */
export function asyncApiDocument() {
  const schemas = schemaCollection("draft-7");
  const messages = Object.fromEntries(eventTypes.map((type) => [type, message(type, schemas)]));
  const { version } = projectInfo();
  const queues = Object.values(queueName);
  return {
    asyncapi: "3.0.0",
    info: {
      title: "mailroster events",
      version,
      license: { name: "MIT" },
      description:
        "Structured CloudEvents 1.0 as persistent messages. Every event carries the user's whole state and version, so a consumer that applies only newer versions needs no order. Ignore members that you do not know.",
    },
    defaultContentType: cloudEventsContentType,
    channels: Object.fromEntries([
      ...eventTypes.map((type) => [type, routingKeyChannel(type)]),
      ...queues.map((queue) => [queue, queueChannel(queue)]),
    ]),
    operations: Object.fromEntries([
      ...eventTypes.map((type) => [`send.${type}`, operation("send", type, [type])]),
      ...queues.map((queue) => [`receive.${queue}`, operation("receive", queue, eventTypes)]),
    ]),
    components: { messages, schemas: schemas.schemas },
  };
}
