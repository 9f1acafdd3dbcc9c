/** In which form an answer is wanted (RFC 9110 §12.5.1). Whoever asks for none that there is gets JSON, as ever. */
import type { Operation, StreamFormat } from "../routes/operation.ts";

/** The quality of a range that Accept names in so many words: 0 to 1, 0 when it does not. */
export function qualityOf(accept: string | undefined, range: string): number {
  const ranges = (accept ?? "").toLowerCase().split(",");
  const own = ranges.map((each) => each.split(";").map((part) => part.trim()));
  const named = own.find(([name]) => name === range);
  if (named === undefined) return 0;
  return Number(named.find((parameter) => parameter.startsWith("q="))?.slice(2) ?? 1) || 0;
}

/** The form that is wanted more than JSON; what takes anything, as curl does, gets JSON. */
export function streamWanted(
  { formats }: NonNullable<Operation["streams"]>,
  accept: string | undefined,
): StreamFormat | undefined {
  if (accept === undefined || accept === "*/*") return undefined;
  const [best] = formats
    .map((format) => ({ format, quality: qualityOf(accept, format.mediaType) }))
    .toSorted((a, b) => b.quality - a.quality);
  const anything = Math.max(qualityOf(accept, "*/*"), qualityOf(accept, "application/*"));
  if (best === undefined || best.quality <= qualityOf(accept, "application/json")) return undefined;
  return best.quality >= anything ? best.format : undefined;
}
