/**
 * Versions by generations: each timeline of the users database begins one, and whatever is written in it has versions
 * above all that an earlier one can have told (docs/adr/0038-a-generation-for-each-timeline.md).
 */
import * as z from "zod";

/** How many versions a generation has room for, of each user. */
export const generationSize = 1_000_000;

/** A user that was written a million times in one generation seems to be in the next, which nobody has come to. */
export const generationOf = (version: number): number => Math.floor(version / generationSize);

/** The first version that a user can have in a generation. */
export const firstVersionOf = (generation: number): number => Math.max(1, generation * generationSize);

const Generation = z.int().min(0);

export const AskGeneration = z.strictObject({
  above: Generation.meta({ description: "The users' own: the number that is given is greater" }),
});
export const GivenGeneration = z.object({
  generation: Generation.meta({ description: "Never given before" }),
});
