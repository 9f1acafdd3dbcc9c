/** `1 event`, `2 events`; never `-0`. */
export const counted = (count: number, one: string, many = `${one}s`): string =>
  `${count === 0 ? 0 : count} ${count === 1 ? one : many}`;
