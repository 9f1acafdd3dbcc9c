/** Promise: what shows an age is drawn anew as the age grows, while the tab is seen. */
import { useEffect, useState } from "preact/hooks";

export function useClock(everyMs = 10_000): number {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => {
      if (!document.hidden) setNow(Date.now());
    }, everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);
  return now;
}
