/** `AUTH=required`: who asks shows a bearer token (RFC 6750 §2.1), an access key or an OIDC access token. */
import type { Principal } from "../../contracts/access.ts";
import { keyPrefix } from "../../contracts/access-key.ts";
import type { WebRequest } from "../http/exchange.ts";
import { unauthenticated } from "../problems/problems.ts";

/** Who a token stands for. Throws, or rejects with, a problem. */
export type TokenVerifier = (token: string) => Principal | Promise<Principal>;

/** By the form of the token; absent: this installation takes none of that form. */
export interface TokenVerifiers {
  readonly key?: TokenVerifier | undefined;
  readonly jwt?: TokenVerifier | undefined;
}

/** b64token of RFC 6750 §2.1, after a scheme in any case (RFC 9110 §11.1). */
const bearer = /^bearer +([\w.~+/-]+=*)$/i;

function tokenOf({ headers }: WebRequest): string {
  const { authorization } = headers;
  if (authorization === undefined) throw unauthenticated();
  const token = bearer.exec(authorization)?.[1];
  if (token === undefined) throw unauthenticated("must come as Authorization: Bearer <token>", "malformed");
  return token;
}

export function byToken({ key, jwt }: TokenVerifiers): (req: WebRequest) => Principal | Promise<Principal> {
  return (req) => {
    const token = tokenOf(req);
    const verify = token.startsWith(keyPrefix) ? key : token.split(".").length === 3 ? jwt : undefined;
    if (verify === undefined) throw unauthenticated("is of no kind that is taken here", "malformed");
    return verify(token);
  };
}
