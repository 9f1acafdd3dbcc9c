/** The access tokens of people: guarantee 50. */
import { edit, type Mutation } from "../mutation.ts";
import { argument, becomes, condition, drops, property, use, value } from "../operators.ts";

const oidc = "services/gateway/access/oidc.ts";
const claims = "services/gateway/access/token-claims.ts";
const keys = "services/gateway/access/issuer-keys.ts";
const file = "test/integration/oidc.test.ts";

export const people: readonly Mutation[] = [
  {
    name: "audience-not-checked",
    guarantee: "50a",
    edits: [edit(oidc, "signedClaims", drops(property("audience")))],
    file,
    title: "a token that is meant for another service is refused",
  },
  {
    name: "issuer-not-checked",
    guarantee: "50a",
    edits: [
      edit(oidc, "verified", becomes(condition("url", "iss"), "true")),
      edit(oidc, "signedClaims", drops(property("issuer"))),
    ],
    file,
    title: "a token of an issuer that is not trusted is refused, also when a trusted one has signed it",
  },
  {
    name: "algorithm-not-checked",
    guarantee: "50a",
    edits: [
      edit(oidc, "headerFault", becomes(condition("algorithms"), "false")),
      edit(oidc, "signedClaims", drops(property("algorithms"))),
    ],
    file,
    title: "an algorithm that OIDC_ALGORITHMS does not name is refused, whoever signs by it",
  },
  {
    name: "id-token-taken",
    guarantee: "50a",
    edits: [edit(claims, "claimFault", becomes(condition("isIdToken"), "false"))],
    file,
    title: "an ID token is refused, also where OIDC_TYP=JWT",
  },
  {
    name: "token-known-too-long",
    guarantee: "50b",
    edits: [edit(oidc, "rememberedMs", becomes(value, "3_600_000"))],
    file,
    title:
      "a new key is taken once the provider publishes it, a withdrawn one is not, and nobody makes us ask often",
  },
  {
    name: "anybody-has-the-keys-asked-for",
    guarantee: "50b",
    edits: [edit(keys, "issuerKeys.keyOf", becomes(argument("askAtMostEvery", 0), "0"))],
    file,
    title:
      "a new key is taken once the provider publishes it, a withdrawn one is not, and nobody makes us ask often",
  },
  {
    name: "keys-go-with-their-provider",
    guarantee: "50b",
    edits: [edit(keys, "keptMs", becomes(value, "freshMs"))],
    file,
    title: "while the provider is away its last keys hold for 24 hours, then nobody is refused for it: 503",
  },
  {
    name: "domains-of-all-roles-add-up",
    guarantee: "50c",
    edits: [edit("services/gateway/access/rights.ts", "rightsFrom", becomes(use("shared"), "united"))],
    file: "test/unit/token-rights.test.ts",
    title: "no pair of groups lets anybody do anywhere what neither of them lets them do there",
  },
  {
    name: "token-is-not-narrowed",
    guarantee: "50c",
    edits: [edit(claims, "principalOf", becomes(condition("narrowed"), "true"))],
    file,
    title: "scopes of a token narrow its role, never widen it, and those of others say nothing",
  },
  {
    name: "weak-sign-in-owns",
    guarantee: "50c",
    edits: [edit(claims, "rightsIn", becomes(condition("isStrong"), "false"))],
    file,
    title: "with OIDC_ACR owners have signed in strongly and not long ago, or are no owners",
  },
];
