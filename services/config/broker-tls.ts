/** What both connections to RabbitMQ are checked by, and show of themselves, from AMQP_CA_FILE and its neighbours. */
import { readFileSync } from "node:fs";
import { createSecureContext } from "node:tls";
import type { BrokerTls } from "../contracts/broker-tls.ts";
import { fault, type Variables } from "./variables.ts";

/** What a file holds that a variable names the path of. */
function fileContent(env: Variables, name: string): string | undefined {
  const path = env.text(name);
  if (path === undefined) return undefined;
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    throw fault(name, `must name a readable file (${(cause as NodeJS.ErrnoException).code})`, cause);
  }
}

/** The PEM files of AMQP_CA_FILE, AMQP_CERT_FILE and AMQP_KEY_FILE, for a URL by which they have an effect. */
export function brokerTls(env: Variables, url: string | undefined): BrokerTls {
  const names = { ca: "AMQP_CA_FILE", cert: "AMQP_CERT_FILE", key: "AMQP_KEY_FILE" } as const;
  const tls: { ca?: string; cert?: string; key?: string } = {};
  for (const part of ["ca", "cert", "key"] as const) {
    const content = fileContent(env, names[part]);
    if (content === undefined) continue;
    if (url?.split(";").every((node) => node.toLowerCase().startsWith("amqps:")) !== true)
      throw fault(names[part], "has no effect: AMQP_URL must begin with amqps://, for each node");
    tls[part] = content;
  }
  const missing = tls.cert === undefined ? "cert" : "key";
  if (tls[missing] === undefined && (tls.cert ?? tls.key) !== undefined)
    throw fault(names[missing], "is missing: a certificate and its key are of use together");
  try {
    createSecureContext(tls);
  } catch (cause) {
    const named = (["ca", "cert", "key"] as const).filter((part) => tls[part] !== undefined);
    throw fault(
      named.map((part) => names[part]).join(", "),
      "must hold certificates, and their key, in PEM",
      cause,
    );
  }
  return tls;
}
