/** What is asked of the models of docs/model: where they must hold, and what must break under each mutation. */

export const invariants = [
  "one owner a key",
  "nothing acknowledged is lost",
  "no version has two meanings",
  "every user settles",
  "a user's oldest event goes first",
] as const;

interface Run {
  readonly model: "protocol" | "relay";
  /** For the preprocessor: the size, and the mutation. */
  readonly defines: readonly string[];
}

/** Every state is looked at. `everyStep`: each step of the model happens in some run, so none is proven of nothing. */
export interface Proof extends Run {
  readonly size: string;
  readonly everyStep: boolean;
  /** No run goes on for ever, so what is true wherever nothing is left to do is reached by every run. */
  readonly ends?: true;
}

export interface Mutation extends Run {
  readonly name: string;
  readonly says: string;
  readonly breaks: (typeof invariants)[number];
}

const sized = (writes: number, failovers: number, repeats: number, ...more: string[]): string[] => [
  `WRITES=${writes}`,
  `FAILOVERS=${failovers}`,
  `REPEATS=${repeats}`,
  ...more,
];

export const proofs: readonly Proof[] = [
  { model: "protocol", defines: sized(3, 1, 1), size: "3 writes, 1 failover, 1 repeat", everyStep: true },
  { model: "protocol", defines: sized(2, 2, 1), size: "2 writes, 2 failovers, 1 repeat", everyStep: false },
  {
    model: "protocol",
    defines: sized(3, 1, 0, "TWO_USERS"),
    size: "two settled users, 3 writes, 1 failover",
    everyStep: false,
  },
  {
    model: "protocol",
    defines: sized(2, 1, 1),
    size: "2 writes, 1 failover, 1 repeat: no run without an end",
    everyStep: false,
    ends: true,
  },
  { model: "relay", defines: ["WRITES=3", "FAILOVERS=1"], size: "3 writes, 1 failover", everyStep: true },
];

/** Each as small as shows it, so that the shortest counterexample is found in seconds. */
export const mutations: readonly Mutation[] = [
  {
    model: "protocol",
    name: "NO_WATERMARK",
    defines: sized(2, 0, 0, "ONE_WRITER"),
    says: "The registry takes whatever event comes.",
    breaks: "every user settles",
  },
  {
    model: "protocol",
    name: "NO_GUARD",
    defines: sized(2, 0, 0, "ONE_WRITER"),
    says: "Users has no unique key of its own; a hold may have lapsed before the commit that it was for.",
    breaks: "one owner a key",
  },
  {
    model: "protocol",
    name: "TWO_PRIMARIES",
    defines: sized(2, 1, 0, "ONE_WRITER"),
    says: "The former primary goes on committing. The standby had everything when it was promoted.",
    breaks: "nothing acknowledged is lost",
  },
  {
    model: "protocol",
    name: "NO_GENERATION",
    defines: sized(3, 1, 0, "ONE_WRITER"),
    says: "Versions used twice: after a failover they go on from what the new primary has.",
    breaks: "no version has two meanings",
  },
  {
    model: "protocol",
    name: "GENERATION_READ_BEFORE",
    defines: sized(3, 1, 0),
    says: "A process looks at the timeline when it begins a write, and not in the transaction that commits it.",
    breaks: "no version has two meanings",
  },
  {
    model: "protocol",
    name: "COUNTER_OF_USERS_ALONE",
    defines: sized(2, 2, 0, "TWO_USERS", "ONE_WRITER"),
    says: "The generation is counted in the users database, whose count is lost with the rest. Two failovers to a standby that is behind give one generation, and PostgreSQL gives one timeline, twice.",
    breaks: "no version has two meanings",
  },
  {
    model: "protocol",
    name: "ORPHANS_STAY",
    defines: sized(2, 1, 1, "ONE_WRITER"),
    says: "Nobody can decide on what the registry owns for a user that users has lost.",
    breaks: "every user settles",
  },
  {
    model: "protocol",
    name: "FACTS_STAND",
    defines: sized(3, 1, 0, "TWO_USERS", "ONE_WRITER"),
    says: "The registry takes no address from another user, not even by an event of a newer generation. Two users whose change of places is lost are told again, and each is refused because of the other.",
    breaks: "every user settles",
  },
  {
    model: "relay",
    name: "MARKS_KEPT",
    defines: ["WRITES=2", "FAILOVERS=1"],
    says: "A relay's marks outlive the timeline, unless it sees the sequence go back; here the next id is already given when it looks.",
    breaks: "a user's oldest event goes first",
  },
  {
    model: "relay",
    name: "MARK_TOO_EARLY",
    defines: ["WRITES=3", "FAILOVERS=1"],
    says: "The mark moves to the highest id that was handed out, whether or not its transaction is over.",
    breaks: "a user's oldest event goes first",
  },
];
