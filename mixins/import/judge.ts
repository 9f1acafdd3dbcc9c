/**
 * What a row may be before anybody is asked: whether it is a user at all, what it shares with other rows of the file, and
 * what an earlier row means for it. Pure but for the claims, which it keeps.
 */
import type { UserCheck, WantedUser as Wanted } from "../../services/contracts/user-checks.ts";
import { type Claims, claims } from "./claims.ts";
import { type Reason, reasonsText } from "./reasons.ts";
import type { SourceRow, WantedUser } from "./row.ts";

export type Key = "externalId" | "primarySmtp";

export interface ImportOptions {
  readonly onTaken: "refuse" | "suffix";
  readonly key: Key | undefined;
  readonly dryRun: boolean;
}

/** As the API takes it. */
export type ValidUser = (typeof Wanted)["_output"];

/** What can be said of a wish before anybody is asked: the user, or why it can be none. */
export interface WishReader {
  readonly read: (
    wanted: WantedUser,
  ) => { readonly user: ValidUser } | { readonly reasons: readonly Reason[] };
  /** The conflict key of an address of such a user. */
  readonly keyOf: (address: string) => string;
}

export interface ValidRow {
  readonly source: SourceRow;
  readonly user: ValidUser;
  /** How many rows before it want exactly the same, each for somebody else. */
  readonly occurrence: number;
  /** Conflict keys and id: what no two users can share. */
  readonly marks: readonly string[];
}

export interface Refused {
  readonly source: SourceRow;
  readonly reason: string;
}

const idMark = (externalId: string): string => `id ${externalId}`;

const missing = (wanted: WantedUser): string[] =>
  (["displayName", "primarySmtp"] as const).filter((member) => wanted[member] === undefined);

export interface Judge {
  /** In the order of the file. */
  valid(source: SourceRow): ValidRow | Refused;
  /** Why an earlier row stands against this one; undefined: none does. */
  standing(row: ValidRow): { readonly line: number; readonly mark: string } | undefined;
  /** What becomes of a row beside the earlier ones; undefined: what the check says of it. */
  beside(row: ValidRow, outcome: UserCheck["outcome"]): "suffixed" | { readonly reason: string } | undefined;
  /** The row has what it wants. */
  claim(row: ValidRow): void;
  /** Later rows are no longer compared with all the earlier ones. */
  readonly isFull: boolean;
}

export function rowJudge({ onTaken, key }: ImportOptions, { read, keyOf }: WishReader): Judge {
  const claimed: Claims = claims();
  const contents: Claims = claims();
  /** Of contents that more than one row has. */
  const repeats = new Map<string, number>();
  const counts = onTaken === "suffix" && key === undefined;

  const occurrenceOf = (user: ValidUser, line: number): number => {
    if (!counts) return 0;
    const content = JSON.stringify(user);
    if (contents.lineOf(content) === undefined) {
      contents.claim(content, line);
      return 0;
    }
    const occurrence = repeats.get(content) ?? 1;
    repeats.set(content, occurrence + 1);
    return occurrence;
  };

  const standing: Judge["standing"] = ({ marks }) => {
    for (const mark of marks) {
      const line = claimed.lineOf(mark);
      if (line !== undefined) return { line, mark };
    }
    return undefined;
  };

  return {
    valid(source) {
      const { wanted } = source;
      const lacking = missing(wanted);
      if (lacking.length > 0) return { source, reason: `${lacking.join(" and ")} is missing` };
      const wish = read(wanted);
      if ("reasons" in wish) return { source, reason: reasonsText(wish.reasons, wanted) };
      const { user } = wish;
      const { primarySmtp, secondarySmtps = [], externalId } = user;
      const addresses = [primarySmtp, ...secondarySmtps].map(keyOf);
      const ids = externalId == null ? [] : [idMark(externalId)];
      const marks = [...new Set([...addresses, ...ids])];
      return { source, user, occurrence: occurrenceOf(user, source.line), marks };
    },
    standing,
    beside(row, outcome) {
      const before = standing(row);
      if (before === undefined) return undefined;
      const { line, mark } = before;
      const { externalId, primarySmtp } = row.user;
      const isId = externalId != null && mark === idMark(externalId);
      const isKey = isId || (key === "primarySmtp" && mark === keyOf(primarySmtp));
      if (onTaken === "suffix" && !isKey) {
        if (outcome === "unchanged" || outcome === "refused") return undefined;
        // A number is for who is new; a user who is there is not given another address than the file says.
        if (outcome !== "changed") return "suffixed";
      }
      const what = isId ? `externalId ${externalId}` : `the address ${mark}`;
      return { reason: `${what} is also in line ${line}, which comes first` };
    },
    claim({ marks, source }) {
      for (const mark of marks) claimed.claim(mark, source.line);
    },
    get isFull() {
      return claimed.isFull;
    },
  };
}
