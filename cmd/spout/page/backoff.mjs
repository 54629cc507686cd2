// Waiting before the next attempt to connect.

const first = 500; // ms
const longest = 30_000; // ms

// backoff is the wait in milliseconds before attempt n (0, 1, 2, …): it doubles up to 30 s, and half of it is random, so
// that clients which lost the same server don't all come back at the same moment.
export function backoff(n, random = Math.random) {
  const wait = Math.min(longest, first * 2 ** n);
  return wait / 2 + (random() * wait) / 2;
}
