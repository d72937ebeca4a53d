/** The part of a packed position that is the sequence number: 33 bits. */
const SEQUENCES = 2 ** 33;

/** Epochs are distinguished by a hash of 20 bits, which is not 0. */
const EPOCHS = 2 ** 20 - 1;

/**
 * Packs a position of `chorus.v1`, `EPOCH-SEQ`, into 8 bytes: a whole number above 0.
 *
 * Equal positions have equal numbers. Different positions have different ones, except for 1 in a
 * million pairs that differ in their epochs. Later positions of an epoch have higher numbers.
 */
export function packPosition(position: string): number {
  const dash = position.lastIndexOf("-");
  const seq = Number(position.slice(dash + 1));
  return epochOf(position, Math.max(0, dash)) * SEQUENCES + (seq % SEQUENCES || 0);
}

/** Whether two packed positions have the same epoch, so that they can be compared. */
export function isSameEpoch(one: number, other: number): boolean {
  return Math.floor(one / SEQUENCES) === Math.floor(other / SEQUENCES);
}

/** The position that was packed, if its epoch is one of these. */
export function formatPacked(packed: number, epochs: Iterable<string>): string {
  const seq = packed % SEQUENCES;
  for (const epoch of epochs) {
    const position = `${epoch}-${seq}`;
    if (packPosition(position) === packed) return position;
  }
  return `?-${seq}`;
}

/** The last epoch and its hash: an epoch lasts as long as its room. */
let last = { name: "", hash: 0 };

function epochOf(position: string, dash: number): number {
  if (last.name.length === dash && position.startsWith(last.name)) return last.hash;
  let hash = 0;
  for (let at = 0; at < dash; at++) hash = (Math.imul(hash, 31) + position.charCodeAt(at)) >>> 0;
  last = { name: position.slice(0, dash), hash: 1 + hash % EPOCHS };
  return last.hash;
}
