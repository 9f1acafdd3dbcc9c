/** What is wider than a telephone, in the pages of reports: it scrolls by itself, and the page around it stays whole. */

/** Reachable by keyboard, as what scrolls has to be. `label` is text that needs no escaping. */
export const framed = (label: string, html: string): string =>
  `<div class="frame" role="region" aria-label="${label}" tabindex="0">${html}</div>`;

/** A plot is not made smaller than it can be read. */
export const frameStyle = (plotWidth: string): string => `.frame{overflow-x:auto;margin:.4rem 0}
.frame svg{min-width:${plotWidth}}
body{overflow-wrap:anywhere}.frame td,.frame th{overflow-wrap:normal}`;

/** What of a page a telephone would cut off; nothing when every table and plot is in a frame that scrolls. */
export function unframed(html: string): string[] {
  const faults = [...html.matchAll(/<(table|svg)\b/g)]
    .filter(({ index }) => !/<div class="frame"[^>]*tabindex="0">$/.test(html.slice(0, index)))
    .map(({ 0: tag, index }) => `${tag} at ${index}`);
  if (!/\.frame\{[^}]*overflow-x:auto/.test(html)) faults.push("no frame scrolls");
  if (!html.includes('content="width=device-width, initial-scale=1"')) faults.push("no viewport");
  return faults;
}
