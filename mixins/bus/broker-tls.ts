/**
 * Promise: by `amqps:` both connections of a process, and those of commands, check the server's certificate and its name,
 * by the authority of AMQP_CA_FILE where there is one, and show the process's own certificate where it has one.
 */
import { credentials } from "amqplib";
import type { BrokerTls } from "../../services/contracts/broker-tls.ts";

interface BrokerSocket extends BrokerTls {
  readonly credentials?: ReturnType<typeof credentials.external>;
}

/** With a certificate and no password RabbitMQ takes the user from the certificate (SASL EXTERNAL, RFC 4422 appendix A). */
export const brokerSocket = (tls: BrokerTls, url: string): BrokerSocket => {
  const isExternal = tls.cert !== undefined && new URL(url).password === "";
  return { ...tls, ...(isExternal ? { credentials: credentials.external() } : {}) };
};
