/** Access tokens of people: a gateway with stand-ins behind it, and real identity providers. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { type CryptoKey, exportSPKI, importJWK, SignJWT } from "jose";
import { eventually } from "../support/eventually.ts";
import { fixedPort } from "../support/fixed-port.ts";
import { type IdentityProvider, signIn, startIdentityProvider } from "../support/identity-provider.ts";
import { type Answer, type Instance, startGateway } from "../support/rig.ts";
import {
  auditStandIn,
  outboxStandIn,
  recordStandIn,
  registryStandIn,
  seen,
  usersStandIn,
} from "../support/stand-ins.ts";

const audience = "https://mail.example";
const people = {
  ann: { groups: ["mail", "unknown here"] },
  vera: { groups: ["view"] },
  olga: { groups: ["owners"] },
  strong: { groups: ["owners", "view"], acr: "mfa" },
  weak: { groups: ["owners", "view"], acr: "pwd" },
  nobody: { groups: ["unknown here"] },
};
const roles = {
  mail: { role: "mail-admin", domains: ["example.com", "Bücher.example"] },
  view: { role: "viewer" },
  owners: { role: "owner" },
};

const folder = mkdtempSync(join(tmpdir(), "mailroster-oidc-"));
let files = 0;
function rolesFile(content: unknown = roles): string {
  files += 1;
  const path = join(folder, `roles-${files}.json`);
  writeFileSync(path, JSON.stringify(content));
  return path;
}

interface Stage {
  readonly gateway: Instance;
  /** The gateway's clock, from now on that much ahead. */
  forward(ms: number): void;
  ask(token: string, method?: string, path?: string): Promise<Answer>;
}

async function startStage(
  issuers: string,
  environment: Record<string, string> = {},
  isThere = true,
): Promise<Stage & { stop(): Promise<void> }> {
  let aheadMs = 0;
  const gateway = await startGateway({
    standIns: [usersStandIn(), registryStandIn(), auditStandIn(), outboxStandIn(), recordStandIn()],
    environment: {
      AUTH: "required",
      OIDC_ISSUERS: issuers,
      OIDC_AUDIENCE: audience,
      OIDC_ROLE_CLAIM: "groups",
      OIDC_ROLES_FILE: rolesFile(),
      ...environment,
    },
    now: () => new Date(Date.now() + aheadMs),
  });
  // A machine that is busy may take longer than the two seconds that a provider has; the next try is 5 s later.
  const isKnown = async () => {
    const { body } = await gateway.http("GET", "/health/ready");
    if (body.checks.identity.status === "up") return;
    aheadMs += 5_000;
    throw new Error("The keys of the provider are not there");
  };
  if (isThere) await eventually(isKnown);
  return {
    gateway,
    forward(ms) {
      aheadMs += ms;
    },
    ask: (token, method = "GET", path = "/users") =>
      // Of a provider that is away, 503 is the answer.
      gateway.httpOnce(method, path, undefined, { authorization: `Bearer ${token}` }),
    stop: () => gateway.stop(),
  };
}

async function stageOf(t: ExecutionContext, ...given: Parameters<typeof startStage>): Promise<Stage> {
  const stage = await startStage(...given);
  t.teardown(stage.stop);
  return stage;
}

async function providerOf(t: ExecutionContext): Promise<IdentityProvider> {
  const provider = await startIdentityProvider({ people, audience });
  t.teardown(() => provider.stop());
  return provider;
}

let shared: IdentityProvider;
let common: Awaited<ReturnType<typeof startStage>>;
test.before(async () => {
  shared = await startIdentityProvider({ people, audience });
  common = await startStage(`demo=${shared.issuer}`);
});
test.after.always(async () => {
  await common.stop();
  await shared.stop();
  rmSync(folder, { recursive: true });
});

const nowS = () => Math.floor(Date.now() / 1_000);
/** As the provider gives them. */
const claims = (more: Record<string, unknown> = {}) => ({
  iss: shared.issuer,
  aud: audience,
  sub: "ann",
  client_id: "cli",
  groups: ["view"],
  iat: nowS(),
  exp: nowS() + 600,
  ...more,
});

const tokenOf = async (name: string, scope?: string, provider = shared): Promise<string> =>
  (await signIn(provider.issuer, name, { audience, ...(scope === undefined ? {} : { scope }) })).access_token;

async function refused(t: ExecutionContext, token: string, detail: RegExp, stage: Stage = common) {
  const answer = await stage.ask(token);
  t.is(answer.status, 401, answer.body?.detail);
  t.is(answer.body.type, "/problems/unauthenticated");
  t.regex(answer.body.detail, detail);
  const metadata = `resource_metadata="${stage.gateway.url}/.well-known/oauth-protected-resource"`;
  t.is(
    answer.headers.get("www-authenticate"),
    `Bearer realm="mailroster", error="invalid_token", ${metadata}`,
  );
  t.false(JSON.stringify(answer.body).includes(token.slice(-20)), "the token is not echoed");
}

const meta = () => seen.get("users.list")?.meta as { actor: string; user: Record<string, unknown> };

test.serial(
  "a person who has signed in by code and PKCE is let in with the role of their group",
  async (t) => {
    const token = await tokenOf("ann");
    t.is((await common.ask(token)).status, 200);
    t.is(meta().actor, "oidc:demo:ann");
    t.like(meta().user, {
      id: "oidc:demo:ann",
      via: "token",
      roles: ["mail-admin"],
      domains: ["example.com", "xn--bcher-kva.example"],
    });
    t.is(typeof meta().user.credential, "string");
    t.is((await common.ask(token, "GET", "/audit")).status, 403);
  },
);

test.serial("whoever has no group that is mapped is known and may do nothing, and is told so", async (t) => {
  const answer = await common.ask(await tokenOf("nobody"));
  t.is(answer.status, 403);
  t.regex(
    answer.body.detail,
    /^This needs the scope users:read, .* because nothing in the claim groups of the token is given a role here$/,
  );
  t.regex(answer.headers.get("www-authenticate") ?? "", /error="insufficient_scope", scope="users:read"/);
});

test.serial(
  "scopes of a token narrow its role, never widen it, and those of others say nothing",
  async (t) => {
    const owner = await tokenOf("olga", "users:read addresses:read");
    t.is((await common.ask(owner)).status, 200);
    t.is((await common.ask(owner, "GET", "/audit")).status, 403);
    const viewer = await shared.sign(claims({ scp: ["users:read", "audit:read"] }));
    t.is((await common.ask(viewer)).status, 200);
    t.is((await common.ask(viewer, "GET", "/audit")).status, 403);
    t.is((await common.ask(await shared.sign(claims({ scope: "openid access_as_user" })))).status, 200);
  },
);

test.serial("a token without a signature is refused", async (t) => {
  const [header, body] = [{ alg: "none", typ: "at+jwt" }, claims()].map((part) =>
    Buffer.from(JSON.stringify(part)).toString("base64url"),
  );
  await refused(t, `${header}.${body}.`, /algorithm/);
});

test.serial("a token signed with the public key as if it were a secret is refused", async (t) => {
  const key = (await importJWK(shared.publicKey(), "ES256", { extractable: true })) as CryptoKey;
  for (const secret of [await exportSPKI(key), JSON.stringify(shared.publicKey())]) {
    const token = await new SignJWT(claims())
      .setProtectedHeader({ alg: "HS256", typ: "at+jwt", kid: shared.publicKey().kid ?? "" })
      .sign(new TextEncoder().encode(secret));
    await refused(t, token, /algorithm/);
  }
});

test.serial("an algorithm that OIDC_ALGORITHMS does not name is refused, whoever signs by it", async (t) => {
  const stage = await stageOf(t, `demo=${shared.issuer}`, { OIDC_ALGORITHMS: "RS256,PS256" });
  await refused(t, await shared.sign(claims()), /algorithm/, stage);
});

test.serial("a token that is meant for another service is refused", async (t) => {
  for (const aud of ["https://other.example", ["https://other.example"], `${audience}/`, []])
    await refused(t, await shared.sign(claims({ aud })), /meant for another service/);
  await refused(t, await shared.sign({ ...claims(), aud: undefined }), /meant for another service/);
  t.is((await common.ask(await shared.sign(claims({ aud: ["x", audience] })))).status, 200);
});

test.serial(
  "a token of an issuer that is not trusted is refused, also when a trusted one has signed it",
  async (t) => {
    const other = await providerOf(t);
    await refused(t, await tokenOf("ann", undefined, other), /issuer/);
    for (const iss of [`${shared.issuer}/`, "https://login.example", undefined])
      await refused(t, await shared.sign({ ...claims(), iss }), /issuer/);
  },
);

test.serial("one trusted issuer can't speak for another", async (t) => {
  const [entra, okta] = [await providerOf(t), await providerOf(t)];
  const stage = await stageOf(t, `entra=${entra.issuer}, okta=${okta.issuer}`, {
    OIDC_ROLES_FILE: rolesFile({ ...roles, "entra only": { role: "viewer", issuer: "entra" } }),
  });
  t.is((await stage.ask(await tokenOf("vera", undefined, entra))).status, 200);
  t.is((await stage.ask(await tokenOf("vera", undefined, okta))).status, 200);
  await refused(t, await okta.sign(claims({ iss: entra.issuer })), /key \(kid\)/, stage);
  const kid = entra.publicKey().kid ?? "";
  await refused(t, await okta.sign(claims({ iss: entra.issuer }), { kid }), /signature/, stage);
  const mapped = { groups: ["entra only"] };
  t.is((await stage.ask(await entra.sign(claims({ iss: entra.issuer, ...mapped })))).status, 200);
  t.is((await stage.ask(await okta.sign(claims({ iss: okta.issuer, ...mapped })))).status, 403);
});

test.serial("a token of another type is refused", async (t) => {
  for (const typ of ["JWT", "logout+jwt", "dpop+jwt", ""])
    await refused(t, await shared.sign(claims(), { typ }), /typ/);
  t.is((await common.ask(await shared.sign(claims(), { typ: "application/AT+JWT" }))).status, 200);
});

test.serial("an ID token is refused, also where OIDC_TYP=JWT", async (t) => {
  const { id_token: idToken } = await signIn(shared.issuer, "ann", { audience });
  await refused(t, idToken, /typ/);
  const stage = await stageOf(t, `demo=${shared.issuer}`, { OIDC_TYP: "JWT" });
  await refused(t, idToken, /meant for another service/, stage);
  for (const sign of [{ nonce: "n" }, { at_hash: "h" }, { c_hash: "h" }, { typ: "ID" }])
    await refused(t, await shared.sign(claims(sign), { typ: "JWT" }), /ID token/, stage);
  for (const typ of ["JWT", "at+jwt"])
    t.is((await stage.ask(await shared.sign(claims(), { typ }))).status, 200, typ);
});

test.serial("a token is good from its beginning to its end, give or take the skew of clocks", async (t) => {
  const at = (iat: number, exp: number, more = {}) =>
    shared.sign(claims({ iat: nowS() + iat, exp: nowS() + exp, ...more }));
  await refused(t, await at(-600, -40), /expired/);
  t.is((await common.ask(await at(-600, -20))).status, 200);
  await refused(t, await at(60, 600), /not valid yet/);
  t.is((await common.ask(await at(20, 600))).status, 200);
  await refused(t, await at(0, 600, { nbf: nowS() + 60 }), /not valid yet/);
  await refused(t, await at(0, 25 * 3_600), /longer than 24 hours/);
  await refused(t, await at(-25 * 3_600, 600), /expired/);
  await refused(t, await shared.sign(claims({ exp: undefined })), /lacks a claim/);
  await refused(t, await shared.sign(claims({ iat: undefined })), /not valid yet|lacks a claim/);
});

test.serial("a token that tells nobody, or no client, is refused", async (t) => {
  for (const more of [
    { sub: undefined },
    { sub: "" },
    { sub: 7 },
    { sub: "\ud800" },
    { client_id: undefined },
  ])
    await refused(t, await shared.sign(claims(more)), /lacks a claim/);
  for (const client of ["azp", "appid", "cid"])
    t.is((await common.ask(await shared.sign(claims({ client_id: undefined, [client]: "x" })))).status, 200);
});

test.serial(
  "a token that brings its own key, or demands extensions, is refused before anything is asked for",
  async (t) => {
    const jwk = shared.publicKey();
    for (const header of [{ jku: `${shared.issuer}/jwks` }, { x5u: "https://evil.example/x" }, { jwk }])
      await refused(t, await shared.sign(claims(), header), /header/);
    const [, body = "", signature = ""] = (await shared.sign(claims())).split(".");
    const crit = Buffer.from('{"alg":"ES256","typ":"at+jwt","crit":["exp"],"exp":1}').toString("base64url");
    await refused(t, `${crit}.${body}.${signature}`, /header/);
  },
);

test.serial("what is no token, and one that was changed, is refused", async (t) => {
  const [header = "", , signature = ""] = (await shared.sign(claims())).split(".");
  const body = Buffer.from(JSON.stringify(claims({ groups: ["owners"] }))).toString("base64url");
  await refused(t, `${header}.${body}.${signature}`, /signature/);
  for (const text of ["a.b.c", `${header}.a.b`, "..", `${header}.${body}.`])
    await refused(t, text, /well-formed|signature|kind/);
});

test.serial("each refusal is counted by a reason out of a list", async (t) => {
  const stage = await stageOf(t, `demo=${shared.issuer}`);
  await stage.ask(await shared.sign(claims({ aud: "x" })));
  await stage.ask(await shared.sign(claims({ exp: nowS() - 60 })));
  await stage.gateway.http("GET", "/users");
  const page = await stage.gateway.platform.metrics.expose();
  for (const reason of ["audience", "expired", "missing"])
    t.true(page.includes(`auth_failures_total{reason="${reason}"} 1`), reason);
});

test.serial(
  "a new key is taken once the provider publishes it, a withdrawn one is not, and nobody makes us ask often",
  async (t) => {
    const provider = await providerOf(t);
    const stage = await stageOf(t, `demo=${provider.issuer}`);
    const own = { iss: provider.issuer };
    const before = await provider.sign(claims({ ...own, jti: "1" }));
    t.is((await stage.ask(before)).status, 200);
    const withdrawn = await provider.sign(claims({ ...own, jti: "2" }));
    await provider.rotate();
    const asked = provider.keysAsked();
    for (const jti of ["3", "4", "5"])
      await refused(t, await provider.sign(claims({ ...own, jti })), /key \(kid\)/, stage);
    t.is(provider.keysAsked(), asked, "less than 30 s after the last time");
    stage.forward(31_000);
    t.is((await stage.ask(await provider.sign(claims({ ...own, jti: "6" })))).status, 200);
    t.is(provider.keysAsked(), asked + 1);
    await refused(t, withdrawn, /key \(kid\)/, stage);
    await refused(t, before, /key \(kid\)/, stage);
  },
);

test.serial(
  "while the provider is away its last keys hold for 24 hours, then nobody is refused for it: 503",
  async (t) => {
    const provider = await providerOf(t);
    const stage = await stageOf(t, `demo=${provider.issuer}`);
    const token = (aheadS: number) =>
      provider.sign(claims({ iss: provider.issuer, iat: nowS() + aheadS, exp: nowS() + aheadS + 600 }));
    t.is((await stage.ask(await token(0))).status, 200);
    await provider.stop();
    stage.forward(23 * 3_600_000);
    t.is((await stage.ask(await token(23 * 3_600))).status, 200);
    stage.forward(2 * 3_600_000);
    const answer = await stage.ask(await token(25 * 3_600));
    t.is(answer.status, 503);
    t.truthy(answer.headers.get("retry-after"));
    t.regex(answer.body.detail, /^Cannot serve the request: it needs the identity provider of the token/);
    await provider.startAgain();
    stage.forward(31_000);
    t.is((await stage.ask(await token(25 * 3_600 + 31))).status, 200);
  },
);

test.serial(
  "a gateway whose provider was never there is not ready and answers tokens with 503, until it is",
  async (t) => {
    const port = await fixedPort();
    const issuer = `http://127.0.0.1:${port}`;
    const stage = await stageOf(t, `demo=${issuer}`, {}, false);
    const stranger = await shared.sign(claims({ iss: issuer }));
    const answer = await stage.ask(stranger);
    t.is(answer.status, 503);
    t.is(answer.headers.get("retry-after"), "5");
    const ready = await stage.gateway.http("GET", "/health/ready");
    t.is(ready.status, 503);
    t.deepEqual(ready.body.checks.identity, { status: "down" });
    await refused(t, await shared.sign(claims()), /issuer/, stage);
    const provider = await startIdentityProvider({ people, audience, port });
    t.teardown(() => provider.stop());
    stage.forward(6_000);
    await eventually(async () => {
      const { body } = await stage.gateway.http("GET", "/health/ready");
      if (body.checks.identity.status !== "up") throw new Error("not up");
    });
    await refused(t, stranger, /key \(kid\)/, stage);
    t.is((await stage.ask(await tokenOf("vera", undefined, provider))).status, 200);
  },
);

test.serial("a provider that calls itself otherwise than OIDC_ISSUERS is not believed", async (t) => {
  const stage = await stageOf(t, `demo=${shared.issuer.replace("127.0.0.1", "localhost")}`, {}, false);
  const iss = shared.issuer.replace("127.0.0.1", "localhost");
  t.is((await stage.ask(await shared.sign(claims({ iss })))).status, 503);
  t.true(stage.gateway.lines.some((line) => String(line.reason).includes("calls itself")));
});

test.serial("with OIDC_ACR owners have signed in strongly and not long ago, or are no owners", async (t) => {
  const stage = await stageOf(t, `demo=${shared.issuer}`, { OIDC_ACR: "mfa,phr" });
  t.is((await stage.ask(await tokenOf("strong"), "GET", "/audit")).status, 200);
  const weak = await tokenOf("weak");
  t.is((await stage.ask(weak)).status, 200, "still a viewer");
  const answer = await stage.ask(weak, "GET", "/audit");
  t.is(answer.status, 403);
  t.regex(answer.body.detail, /because owner and operator take a sign-in by mfa or phr/);
  const owner = { groups: ["owners"] };
  for (const [sign, status] of [
    [{ amr: ["pwd", "phr"], auth_time: nowS() - 60 }, 200],
    [{ acr: "mfa", auth_time: nowS() - 9 * 3_600 }, 403],
    [{ acr: "mfa" }, 403],
    [{ auth_time: nowS() }, 403],
  ] as const) {
    const token = await shared.sign(claims({ ...owner, ...sign }));
    t.is((await stage.ask(token, "GET", "/audit")).status, status, JSON.stringify(sign));
  }
});

test.serial(
  "OIDC_ROLES_FILE is read anew when it changes, and one that is faulty changes nothing",
  async (t) => {
    const file = rolesFile({ view: { role: "lookup" } });
    const stage = await stageOf(t, `demo=${shared.issuer}`, { OIDC_ROLES_FILE: file });
    const token = await shared.sign(claims());
    t.is((await stage.ask(token)).status, 403);
    writeFileSync(file, JSON.stringify(roles));
    stage.forward(5_000);
    t.is((await stage.ask(token)).status, 200);
    writeFileSync(file, "{");
    stage.forward(5_000);
    t.is((await stage.ask(token)).status, 200);
    t.true(stage.gateway.lines.some((line) => String(line.reason).startsWith("OIDC_ROLES_FILE must hold")));
  },
);

test.serial("the metadata of RFC 9728 is there for everybody, and only where tokens are taken", async (t) => {
  const answer = await common.gateway.http("GET", "/.well-known/oauth-protected-resource");
  t.is(answer.status, 200);
  t.like(answer.body, {
    resource: audience,
    authorization_servers: [shared.issuer],
    bearer_methods_supported: ["header"],
  });
  t.true(answer.body.scopes_supported.includes("users:read"));
  const open = await startGateway({ standIns: [usersStandIn()] });
  t.teardown(open.stop);
  t.is((await open.http("GET", "/.well-known/oauth-protected-resource")).status, 404);
});
