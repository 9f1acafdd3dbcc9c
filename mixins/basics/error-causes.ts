/** What an error wraps. */

const depthMax = 5;

/**
 * The error and what it wraps, the outermost first, in whichever way it is kept: `cause`, MikroORM's `previous`, the
 * first of several. At most five, so that a circle ends; nothing for what is no object.
 */
export function* causesOf(error: unknown): Generator<object> {
  let current = error;
  for (let depth = 0; depth < depthMax && typeof current === "object" && current !== null; depth += 1) {
    yield current;
    const { previous, cause, errors } = current as { previous?: unknown; cause?: unknown; errors?: unknown };
    const [first] = Array.isArray(errors) ? (errors as unknown[]) : [];
    current = previous ?? cause ?? (first instanceof Error ? first : undefined);
  }
}
