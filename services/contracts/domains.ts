/** The domains in which addresses may be taken, as every surface shows them. */
import * as z from "zod";
import { parseAddress } from "./address.ts";
import { NextCursor, paging } from "./paging.ts";

/** In A-labels, as conflict keys have it; undefined for a text that is no domain. */
export function domainKey(text: string): string | undefined {
  const parsed = parseAddress(`a@${text}`);
  return parsed.ok ? parsed.asciiDomain : undefined;
}

/** Any spelling; in A-labels from here on. */
export const DomainName = z
  .string()
  .refine((text) => domainKey(text) !== undefined, "must be a domain name")
  .overwrite((text) => domainKey(text) ?? text)
  .meta({ description: "A domain, in U-labels or in A-labels", examples: ["example.com"] });

export const AcceptedDomain = z
  .object({
    domain: z.string().meta({ description: "In A-labels" }),
    name: z.string().meta({ description: "As people read it, in U-labels" }),
    declaredAt: z.iso.datetime(),
    declaredBy: z.string().meta({ description: "Who declared it, as the audit log names them" }),
  })
  .meta({ id: "AcceptedDomain" });
export type AcceptedDomain = z.infer<typeof AcceptedDomain>;

export const DeclaredDomain = AcceptedDomain.extend({
  created: z.boolean().meta({ description: "false: it was accepted already" }),
}).meta({ id: "DeclaredDomain" });

export const TargetDomain = z.strictObject({ domain: DomainName }).meta({ id: "TargetDomain" });

export const ListDomains = z.strictObject({ ...paging }).meta({ id: "ListDomains" });
export const DomainPage = z
  .object({ items: z.array(AcceptedDomain), nextCursor: NextCursor })
  .meta({ id: "DomainPage" });
export type DomainPage = z.infer<typeof DomainPage>;

/** Moleculer's event, without a payload: ask anew which domains are accepted. It may get lost. */
export const domainsChangedEvent = "domains.changed";
