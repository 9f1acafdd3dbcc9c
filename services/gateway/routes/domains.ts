/** The rows of the accepted domains. */
import {
  AcceptedDomain,
  DeclaredDomain,
  DomainName,
  DomainPage,
  ListDomains,
} from "../../contracts/domains.ts";
import * as example from "./access-examples.ts";
import { type Operation, type RequestParts, to } from "./operation.ts";

const domainOf = ({ path }: RequestParts) => ({ domain: path.domain ?? "" });
const domainPath = { pathParams: { domain: DomainName } };

export const domainOperations: readonly Operation[] = [
  {
    id: "listDomains",
    method: "GET",
    path: "/domains",
    tag: "domains",
    scope: "domains:read",
    summary: "List the accepted domains",
    description: "In the order of their names; none: addresses are taken in any domain.",
    target: to("domains.list", ({ query }) => query),
    query: ListDomains.shape,
    status: 200,
    answer: { schema: DomainPage, example: example.domainPage },
    problems: [],
  },
  {
    id: "getDomain",
    method: "GET",
    path: "/domains/:domain",
    tag: "domains",
    scope: "domains:read",
    summary: "Whether a domain is accepted",
    description: "404 when it is not declared.",
    target: to("domains.get", domainOf),
    ...domainPath,
    query: {},
    status: 200,
    answer: { schema: AcceptedDomain, example: example.acceptedDomain },
    problems: ["not-found"],
  },
  {
    id: "declareDomain",
    method: "PUT",
    path: "/domains/:domain",
    tag: "domains",
    scope: "domains:write",
    summary: "Declare an accepted domain",
    description:
      "From the first one on a new address in another domain is refused, in every process within 5 s; addresses that exist stay. Declaring it again changes nothing (204).",
    target: to("domains.declare", domainOf),
    ...domainPath,
    query: {},
    status: 201,
    statusElse: 204,
    answer: { schema: DeclaredDomain, example: { ...example.acceptedDomain, created: true } },
    problems: [],
  },
  {
    id: "removeDomain",
    method: "DELETE",
    path: "/domains/:domain",
    tag: "domains",
    scope: "domains:write",
    summary: "Take an accepted domain back",
    description:
      "Refused while addresses of living users are in it. Once the last one is gone, addresses are taken in any domain again.",
    target: to("domains.remove", domainOf),
    ...domainPath,
    query: {},
    status: 204,
    problems: ["not-found", "domain-in-use"],
  },
];
