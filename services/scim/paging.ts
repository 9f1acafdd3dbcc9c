/** A page of a list (RFC 7644 §3.4.2): of resources of one type, or of several types one after the other (§3.4.3). */
import type { ActionParams } from "../contracts/actions.ts";
import { Refusal } from "../contracts/errors.ts";
import { listResponse, pageMax } from "./messages.ts";
import type { Members } from "./values.ts";

const countDefault = 100;

/** What a list is asked: as the client did, with both numbers, `startIndex` from 1 and `count` from 0 to `pageMax`. */
export interface PageQuery extends ActionParams<"scim.list"> {
  readonly startIndex: number;
  readonly count: number;
}

/** Of all that the filter finds, in an order that stays, the page asked for. */
interface Page {
  readonly totalResults: number;
  readonly resources: readonly Members[];
}

/** Throws Refusal, `invalidFilter` for a filter that resources of this type can't have. */
export type ResourceList = (query: PageQuery) => Promise<Page>;

const isFilterRefused = (error: unknown): error is Refusal =>
  error instanceof Refusal && error.data.scimType === "invalidFilter";

/** The ListResponse of all that the lists find. Throws what they do, `invalidFilter` where none can have the filter. */
export async function listedPage(
  lists: readonly ResourceList[],
  params: ActionParams<"scim.list">,
): Promise<Members> {
  const startIndex = Math.max(1, params.startIndex ?? 1);
  const count = Math.min(pageMax, Math.max(0, params.count ?? countDefault));
  const resources: Members[] = [];
  const refusals: Refusal[] = [];
  let totalResults = 0;
  for (const list of lists)
    try {
      const page = await list({
        ...params,
        startIndex: Math.max(1, startIndex - totalResults),
        count: count - resources.length,
      });
      totalResults += page.totalResults;
      resources.push(...page.resources);
    } catch (error) {
      if (!isFilterRefused(error)) throw error;
      refusals.push(error);
    }
  if (refusals.length === lists.length) throw refusals[0];
  return listResponse(resources, { totalResults, startIndex });
}
