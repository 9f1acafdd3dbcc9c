/** The gateway, asked for much from this page: it waits as the command does, and leaves a connection to the page's own questions. */
import {
  type GatewayAnswer,
  type GatewayClient,
  type GatewayRequest,
  patientClient,
  requestHeaders,
} from "../../../../../mixins/http/patient-client.ts";
import { endSession } from "./session.ts";

/** Browsers open six connections to a gateway; one is left to the page. */
const atOnce = { first: 4, max: 5 } as const;
const requestTimeoutMs = 30_000;

async function answerOf(asked: GatewayRequest, signal: AbortSignal): Promise<GatewayAnswer> {
  const { method, path, body } = asked;
  const content =
    body === undefined ? {} : { body: JSON.stringify(body), type: { "content-type": "application/json" } };
  const response = await fetch(path, {
    method,
    headers: { ...requestHeaders(asked), ...content.type, "x-mailroster-console": "1" },
    credentials: "same-origin",
    redirect: "error",
    signal: AbortSignal.any([signal, AbortSignal.timeout(requestTimeoutMs)]),
    ...(content.body === undefined ? {} : { body: content.body }),
  });
  if (response.status === 401) endSession();
  return {
    status: response.status,
    headers: Object.fromEntries(response.headers),
    attempts: 1,
    body: await response.json().catch(() => undefined),
  };
}

export function importClient(): GatewayClient {
  const ended = new AbortController();
  return patientClient({
    url: "the gateway",
    doing: "import",
    atOnce,
    send: (asked) => answerOf(asked, ended.signal),
    reasonOf: () => (window.navigator.onLine ? "does not answer" : "is out of reach: this device is offline"),
    end: () => ended.abort(),
  });
}
