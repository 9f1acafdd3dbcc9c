/** What the gateway leans on of moleculer-web beyond its documentation (docs/adr/0027), held against the installed one. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import test from "ava";
import { type Context, Errors, ServiceBroker, type ServiceSchema } from "moleculer";
import ApiGateway from "moleculer-web";

type Request = IncomingMessage & { $ctx: Context; $params: { params?: Record<string, string> } };
type Next = (error?: unknown) => void;

interface Gateway {
  readonly url: string;
  readonly calls: string[];
  stop(): Promise<void>;
}

class OwnError extends Errors.MoleculerError {
  readonly own = "kept";
}

/** A gateway of moleculer-web alone, which writes down what it calls and in which order. */
async function gateway(
  extra: { readonly use?: (req: Request, res: ServerResponse, next: Next) => void } = {},
) {
  const calls: string[] = [];
  const note = (call: string): void => void calls.push(call);
  const route = {
    name: "/things/:id",
    path: "/",
    mappingPolicy: "restrict",
    mergeParams: false,
    bodyParsers: false,
    authentication: true,
    authorization: true,
    pathToRegexpOptions: { sensitive: true, trailing: false },
    use: [
      (req: Request, res: ServerResponse, next: Next) => {
        note("use");
        if (extra.use === undefined) next();
        else extra.use(req, res, next);
      },
    ],
    onBeforeCall: (_ctx: Context, _route: unknown, req: Request) =>
      note(`onBeforeCall ${JSON.stringify(req.$params.params)}`),
    aliases: {
      "POST /things/:id": [
        (req: Request, _res: ServerResponse, next: Next) => {
          note("alias");
          req.$params = { given: true } as never;
          next();
        },
        "things.change",
      ],
      "DELETE /things/:id": "things.remove",
      "/things/:id": (_req: Request, _res: ServerResponse, next: Next) => next(),
    },
  };
  const broker = new ServiceBroker({ logger: false, skipProcessEventRegistration: true });
  broker.createService({
    name: "things",
    actions: {
      change: { handler: (ctx: Context) => note(`change ${JSON.stringify(ctx.params)}`) ?? "changed" },
      remove: { handler: () => note("remove") ?? "removed" },
    },
  } as unknown as ServiceSchema);
  const service = broker.createService({
    name: "api",
    mixins: [ApiGateway],
    settings: {
      server: false,
      optimizeOrder: false,
      rootCallOptions(options: Record<string, unknown>, req: IncomingMessage) {
        note(`rootCallOptions ${req.url}`);
        options.requestID = "";
        req.url = `${req.url?.split("?")[0]}/`;
      },
      onError: (_req: Request, res: ServerResponse, error: OwnError) => {
        note(`onError ${error.name} ${error.own}`);
        res.writeHead(error.code).end();
      },
      routes: [route],
    },
    methods: {
      authenticate: () => note("authenticate") ?? { id: "ann" },
      authorize: () => note("authorize"),
      sendResponse(_req: Request, res: ServerResponse, data: unknown) {
        note(`sendResponse ${data}`);
        res.writeHead(200).end();
      },
      errorHandler(this: { sendError(...all: unknown[]): void }, ...all: unknown[]) {
        note("errorHandler");
        this.sendError(...all);
      },
    },
  } as unknown as ServiceSchema);
  await broker.start();
  const { httpHandler } = service as unknown as {
    httpHandler(req: IncomingMessage, res: ServerResponse): void;
  };
  const server: Server = createServer((req, res) => httpHandler.call(service, req, res));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    calls,
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await broker.stop();
    },
  } satisfies Gateway;
}

test("a request meets use, onBeforeCall, authenticate, authorize, the alias and the action in this order", async (t) => {
  const { url, calls, stop } = await gateway();
  t.teardown(stop);
  const answer = await fetch(`${url}/things/a%2Fb?x=1`, { method: "POST" });
  t.is(answer.status, 200);
  t.deepEqual(calls, [
    "rootCallOptions /things/a%2Fb?x=1",
    "use",
    'onBeforeCall {"id":"a/b"}',
    "authenticate",
    "authorize",
    "alias",
    'change {"given":true}',
    "sendResponse changed",
  ]);
});

test("an empty requestID of rootCallOptions keeps X-Request-ID off the answer", async (t) => {
  const { url, stop } = await gateway();
  t.teardown(stop);
  const answer = await fetch(`${url}/things/1`, { method: "POST", headers: { "x-request-id": "mine" } });
  t.is(answer.headers.get("x-request-id"), null);
});

test("an OPTIONS request would run the action, were it not for use", async (t) => {
  const { url, calls, stop } = await gateway();
  t.teardown(stop);
  const headers = { "access-control-request-method": "DELETE" };
  await fetch(`${url}/things/1`, { method: "OPTIONS", headers });
  t.true(calls.includes("remove"));
  calls.length = 0;
  const guarded = await gateway({ use: (_req, res) => void res.writeHead(204).end() });
  t.teardown(guarded.stop);
  const answer = await fetch(`${guarded.url}/things/1`, { method: "OPTIONS", headers });
  t.is(answer.status, 204);
  t.false(guarded.calls.includes("remove"));
});

test("the bare path brings a method without an alias to use", async (t) => {
  const { url, calls, stop } = await gateway({ use: (_req, res) => void res.writeHead(405).end() });
  t.teardown(stop);
  t.is((await fetch(`${url}/things/1`, { method: "PUT" })).status, 405);
  t.deepEqual(calls.slice(1), ["use"]);
});

test("a MoleculerError of use arrives at onError as it was thrown, through errorHandler", async (t) => {
  const { url, calls, stop } = await gateway({
    use: (_req, _res, next) => next(new OwnError("Cannot", 409, "own")),
  });
  t.teardown(stop);
  t.is((await fetch(`${url}/things/1`, { method: "POST" })).status, 409);
  t.deepEqual(calls.slice(1), ["use", "errorHandler", "onError OwnError kept"]);
});

test("a path param that can't be decoded is refused as UNABLE_DECODE_PARAM before any step", async (t) => {
  const { url, calls, stop } = await gateway();
  t.teardown(stop);
  t.is((await fetch(`${url}/things/%ff`, { method: "POST" })).status, 400);
  t.deepEqual(calls.slice(1), ["errorHandler", "onError BadRequestError undefined"]);
});
