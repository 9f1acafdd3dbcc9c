/** Load by autocannon: each connection asks again as soon as it has its answer. */
import autocannon from "autocannon";
import { failuresOf, type HttpOrder, headersOf, type LoadResult, requestsOf } from "./order.ts";

const sampleMs = 100; // also how late it notices that its time is over

export async function saturate({ urls, work, pace, token }: HttpOrder): Promise<LoadResult> {
  if ("perSecond" in pace) throw new TypeError("Cannot saturate at a fixed rate");
  const next = requestsOf(work);
  const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const startedAt = performance.now();
  const result = await autocannon({
    // Its types know one URL only; its documentation allows several, over which it spreads the connections.
    url: urls as unknown as string,
    connections: pace.connections,
    sampleInt: sampleMs,
    ...("amount" in pace ? { amount: pace.amount } : { duration: pace.seconds }),
    requests: [
      {
        // It hands over an object that nobody else has, so it need not be copied.
        setupRequest(req) {
          const asked = next();
          req.method = asked.method;
          req.path = asked.path;
          req.headers = { ...headersOf(asked), ...authorization };
          if (asked.body !== undefined) req.body = asked.body;
          return req;
        },
      },
    ],
  });
  const seconds = (performance.now() - startedAt) / 1_000;
  const statuses = new Map(
    Object.entries(result.statusCodeStats ?? {}).map(([status, { count = 0 }]) => [status, count]),
  );
  statuses.set("no answer", result.errors);
  return {
    perSecond: result["2xx"] / seconds,
    answered: result["2xx"],
    failed: result.non2xx + result.errors, // a timeout is an error, too
    failures: failuresOf(statuses),
    seconds,
  };
}
