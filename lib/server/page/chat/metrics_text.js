/**
 * What a server tells about itself at a moment.
 *
 * @typedef {object} Figures
 * @property {number} connections
 * @property {number} messages Since the server started.
 * @property {number} deliveries Since the server started.
 * @property {number} slowReaders Since the server started.
 * @property {number} memoryBytes
 * @property {readonly Bucket[]} flushes How many sweeps took how long, since the server started.
 *
 * @typedef {object} Bucket How many values are at most `le`.
 * @property {number} le
 * @property {number} count
 */

const SAMPLE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)/;

/**
 * Reads the figures from metrics in the text format of Prometheus. What is missing is 0.
 *
 * @param {string} text
 * @returns {Figures}
 */
export function parseFigures(text) {
  /** @type {Map<string, number>} */
  const sums = new Map();
  /** @type {Bucket[]} */
  const flushes = [];
  for (const line of text.split("\n")) {
    const [, name, labels = "", value] = line.match(SAMPLE) ?? [];
    if (name === undefined) continue;
    sums.set(name, (sums.get(name) ?? 0) + Number(value));
    if (name !== "chorus_publish_to_socket_seconds_bucket") continue;
    const le = labels.match(/le="([^"]+)"/)?.[1] ?? "";
    flushes.push({ le: le === "+Inf" ? Infinity : Number(le), count: Number(value) });
  }
  const sumOf = (/** @type {string} */ name) => sums.get(name) ?? 0;
  return {
    connections: sumOf("chorus_connections"),
    messages: sumOf("chorus_messages_total"),
    deliveries: sumOf("chorus_deliveries_total"),
    slowReaders: sumOf("chorus_slow_readers_total"),
    memoryBytes: sumOf("process_resident_memory_bytes"),
    flushes,
  };
}

/**
 * Estimates a quantile of the values between two readings of a histogram.
 *
 * @param {number} quantile 0 to 1.
 * @param {readonly Bucket[]} before
 * @param {readonly Bucket[]} after
 * @returns {number | undefined} Undefined if there were none.
 */
export function quantileBetween(quantile, before, after) {
  const counts = after.map(({ count }, at) => count - (before[at]?.count ?? 0));
  const total = counts.at(-1) ?? 0;
  if (total <= 0) return undefined;
  const wanted = quantile * total;
  const at = counts.findIndex((count) => count >= wanted);
  const below = at > 0 ? after[at - 1] : undefined;
  const low = below?.le ?? 0;
  const high = after[at]?.le ?? low;
  // Nothing tells how far above the last bound a value is.
  if (high === Infinity) return low;
  const countBelow = at > 0 ? counts[at - 1] ?? 0 : 0;
  const countIn = (counts[at] ?? 0) - countBelow;
  return low + (high - low) * (wanted - countBelow) / countIn;
}
