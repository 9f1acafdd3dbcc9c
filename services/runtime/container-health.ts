/**
 * For the health check of a container: exits 0 when the process of this container is ready, 1 when it is not or does not
 * answer. Its argument is the ops port. A program, because what a shell makes of quotation marks differs from engine to engine.
 */
const timeoutMs = 2_500;
const [port] = process.argv.slice(2);

const answer = await fetch(`http://127.0.0.1:${port}/health/ready`, {
  signal: AbortSignal.timeout(timeoutMs),
}).catch(() => undefined);
process.exitCode = answer?.ok === true ? 0 : 1;
