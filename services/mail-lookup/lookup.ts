/**
 * Promise: who asks is answered within `deadlineMs`, by what the registry's database says now, or told that nobody knows:
 * never that somebody is not there because something has failed, is late or too much. Nothing is remembered, so a new
 * address works at once.
 */
import { within } from "../../mixins/basics/pause.ts";
import { errorMessage } from "../../mixins/log/error-text.ts";
import { domainKey } from "../contracts/domains.ts";
import { type Question, questionOf, type TagRules } from "./question.ts";
import type { Source } from "./sources.ts";
import { type DomainStanding, doubt, type Standing } from "./standing.ts";

/** A mail server holds its session open for an answer; Postfix itself would wait 100 s. */
export const deadlineMs = 1_500;
/** Asked and not yet answered, of a process. */
export const waitingMax = 500;

export interface MailRules extends TagRules {
  /** As it is kept. */
  readonly postmaster: string | undefined;
}

export interface Lookup {
  /** Never rejects. */
  recipient(text: string): Promise<Standing>;
  /** Never rejects. Any spelling; the answer is of the domain. */
  domain(text: string): Promise<DomainStanding>;
}

/** The mailboxes that each domain has to have: RFC 5321 §4.5.1, RFC 2142 §4. */
const requiredNames = new Set(["postmaster", "abuse"]);

export function mailLookup(source: Source, rules: MailRules): Lookup {
  let waiting = 0;

  /** Whatever goes wrong is a doubt. */
  async function inTime<S>(ask: () => Promise<S>): Promise<S | Extract<Standing, { state: "doubt" }>> {
    if (waiting >= waitingMax) return doubt("too many look-ups wait") as never;
    waiting += 1;
    try {
      return await within(deadlineMs, "the registry's database has not answered in time", ask());
    } catch (error) {
      return doubt(errorMessage(error as Error)) as never;
    } finally {
      waiting -= 1;
    }
  }

  async function withPostmaster(question: Question, postmaster: string): Promise<Standing> {
    const standing = await source.holder(question);
    if (standing.state !== "gone" && standing.state !== "nobody") return standing;
    // Only where we are at home: an alias counts for mail to everybody's domain, also for what our users send.
    const domain = await source.domain(question.domain);
    if (domain.state === "doubt") return domain;
    if (domain.state === "nobody") return standing;
    return { state: "postmaster", primary: postmaster };
  }

  return {
    async recipient(text) {
      const question = questionOf(text, rules);
      if (question === undefined) return { state: "nobody" };
      const { postmaster } = rules;
      const isRequired = postmaster !== undefined && requiredNames.has(question.local);
      return inTime(() => (isRequired ? withPostmaster(question, postmaster) : source.holder(question)));
    },
    async domain(text) {
      const domain = domainKey(text);
      return domain === undefined ? { state: "nobody" } : inTime(() => source.domain(domain));
    },
  };
}
