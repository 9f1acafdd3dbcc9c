/** What the groups and the claims of a token say of somebody. */
import test from "ava";
import type { Oidc } from "../../services/config/oidc.ts";
import { type Principal, permits, scopes } from "../../services/contracts/access.ts";
import { type Role, roles } from "../../services/contracts/roles.ts";
import { rightsFrom } from "../../services/gateway/access/rights.ts";
import { idOf, principalOf } from "../../services/gateway/access/token-claims.ts";

const oidc: Oidc = {
  issuers: [],
  audience: "https://mail.example",
  algorithms: ["ES256"],
  typ: "at+jwt",
  clockSkewS: 30,
  subjectClaims: ["sub"],
  roleClaim: "roles",
  rolesFile: "",
  grants: new Map([["mail", { role: "mail-admin" }]]),
  strongSignIns: [],
};
const issuer = { alias: "demo", url: "https://login.example" };

test("domains of one role add up, and a role that says no more than another is left out", (t) => {
  t.deepEqual(rightsFrom([]), { roles: [] });
  t.deepEqual(
    rightsFrom([
      { role: "mail-admin", domains: ["a.example"] },
      { role: "mail-admin", domains: ["b.example", "a.example"] },
      { role: "viewer", domains: ["b.example"] },
    ]),
    { roles: ["mail-admin"], domains: ["a.example", "b.example"] },
  );
  t.deepEqual(rightsFrom([{ role: "viewer", domains: ["a.example"] }, { role: "owner" }]), {
    roles: ["owner"],
  });
  t.deepEqual(rightsFrom([{ role: "viewer", domains: ["a.example"] }, { role: "viewer" }]), {
    roles: ["viewer"],
  });
});

test("two roles in different domains hold where both do, and nowhere else", (t) => {
  t.deepEqual(
    rightsFrom([
      { role: "auditor", domains: ["a.example", "b.example"] },
      { role: "mail-admin", domains: ["b.example", "c.example"] },
    ]),
    { roles: ["auditor", "mail-admin"], domains: ["b.example"] },
  );
});

test("no pair of groups lets anybody do anywhere what neither of them lets them do there", (t) => {
  const places = [undefined, ["a"], ["b"], ["a", "b"]];
  const may = (given: Pick<Principal, "roles" | "domains">, scope: (typeof scopes)[number], domain: string) =>
    permits({ id: "x", via: "token", ...given }, scope) && (given.domains?.includes(domain) ?? true);
  const grant = (role: Role, domains: string[] | undefined) => ({
    role,
    ...(domains === undefined ? {} : { domains }),
  });
  for (const one of roles)
    for (const other of roles)
      for (const here of places)
        for (const there of places) {
          const grants = [grant(one, here), grant(other, there)];
          const rights = rightsFrom(grants);
          for (const scope of scopes)
            for (const domain of ["a", "b", "c"])
              if (may(rights, scope, domain)) {
                const isSaid = grants.some(({ role, ...place }) =>
                  may({ roles: [role], ...place }, scope, domain),
                );
                if (!isSaid) t.fail(`${JSON.stringify(grants)} gives ${scope} in ${domain}`);
              }
        }
  t.pass();
});

test("an id is visible ASCII of at most 128 characters, and two people never share one", (t) => {
  const id = (sub: string) => idOf({ sub }, issuer, oidc);
  t.is(id("ann"), "oidc:demo:ann");
  t.is(id("auth0|5f7c"), "oidc:demo:auth0|5f7c");
  t.is(id("ann a/b%2F\u00fc"), "oidc:demo:ann%20a%2Fb%252F%C3%BC");
  const long = Array.from({ length: 50 }, (_, n) => id("\u00fc".repeat(100 + n)));
  t.is(new Set(long).size, 50);
  for (const one of [...long, id("a".repeat(118)), id("a".repeat(119))]) t.regex(one, /^[\x21-\x7e]{1,128}$/);
  const entra = { ...oidc, subjectClaims: ["tid", "oid"] };
  t.is(idOf({ tid: "T", oid: "O", sub: "pairwise" }, issuer, entra), "oidc:demo:T/O");
  t.not(idOf({ tid: "a/b", oid: "c" }, issuer, entra), idOf({ tid: "a", oid: "b/c" }, issuer, entra));
});

test("the claim of roles is found by its name, dots and all, or by its path", (t) => {
  const rolesBy = (roleClaim: string, claims: object) =>
    principalOf({ sub: "ann", ...claims }, issuer, { ...oidc, roleClaim }, oidc.grants, 0).roles;
  t.deepEqual(rolesBy("https://x.example/roles", { "https://x.example/roles": ["mail"] }), ["mail-admin"]);
  t.deepEqual(rolesBy("realm_access.roles", { realm_access: { roles: ["mail"] } }), ["mail-admin"]);
  t.deepEqual(rolesBy("roles", { roles: "mail" }), ["mail-admin"]);
  for (const claims of [{}, { roles: { mail: true } }, { roles: null }, { roles: ["Mail", "__proto__", 7] }])
    t.deepEqual(rolesBy("roles", claims), []);
  t.deepEqual(rolesBy("constructor.name", {}), []);
});
