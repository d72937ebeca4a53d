import type { StoredMessage } from "./chorus_node.ts";

/** What a user has seen. */
export interface UserRecord {
  readonly name: string;
  /** Whether it gets its own messages, too. */
  readonly echo: boolean;
  readonly deliveries: readonly StoredMessage[];
  /** The acks by the ids of the messages. */
  readonly acks: ReadonlyMap<string, { readonly position: string }>;
  /** Messages that were refused come later than the next ones. */
  readonly refusedCount: number;
}

/** What is wrong with the messages of a room. */
export interface Differences {
  ackedCount: number;
  /** Acked messages that are not stored at their position, and stored ones that a user missed. */
  lostCount: number;
  /** Messages that are stored twice, or that a user got twice. */
  doubledCount: number;
  /** Messages in another order than stored, or than their author published them. */
  misorderedCount: number;
  /** Servers whose history differs from that of the first. */
  otherHistoryCount: number;
  /** Some of these faults, for people. */
  readonly examples: string[];
}

export const NO_DIFFERENCES = {
  lostCount: 0,
  doubledCount: 0,
  misorderedCount: 0,
  otherHistoryCount: 0,
  examples: [],
} as const;

const MAX_EXAMPLES = 8;

/** The first word of the text: users publish texts that begin with their ids. */
export function idOf(text: string): string {
  return text.split(" ", 1)[0]!;
}

/**
 * Compares what the users of a room got with its history on every server. All of them joined before
 * the first message.
 *
 * @param histories For each server, by its name.
 */
export function compareRoom(
  users: readonly UserRecord[],
  histories: ReadonlyMap<string, readonly StoredMessage[]>,
): Differences {
  const differences: Differences = { ...NO_DIFFERENCES, ackedCount: 0, examples: [] };
  const add = (kind: keyof typeof COUNTS, example: string) => {
    differences[COUNTS[kind]]++;
    if (differences.examples.length < MAX_EXAMPLES) differences.examples.push(`${kind} ${example}`);
  };
  const [first, ...others] = [...histories];
  const history = first![1];
  const ids = history.map(({ text }) => idOf(text));
  for (const [server, other] of others) {
    const place = ids.findIndex((id, index) =>
      idOf(other[index]?.text ?? "") !== id || other[index]!.position !== history[index]!.position
    );
    if (place >= 0 || other.length !== ids.length) add("other history", `${server} at ${place}`);
  }
  const rankOf = new Map<string, number>();
  for (const [rank, id] of ids.entries()) {
    if (rankOf.has(id)) add("doubled", `${id} in the history`);
    else rankOf.set(id, rank);
    if (rank > 0 && seqOf(history[rank]!) <= seqOf(history[rank - 1]!)) {
      add("misordered", `${id} at ${history[rank]!.position}`);
    }
  }
  for (const user of users) {
    for (const [id, { position }] of user.acks) {
      const stored = history[rankOf.get(id) ?? -1]?.position;
      if (stored !== position) add("lost", `${id} acked at ${position}, stored at ${stored}`);
    }
    differences.ackedCount += user.acks.size;
    const isOwn = (id: string) => id.startsWith(`${user.name}-`);
    const expected = user.echo ? ids : ids.filter((id) => !isOwn(id));
    const seen = new Set<string>();
    let lastRank = -1;
    for (const { text, position } of user.deliveries) {
      const id = idOf(text);
      const rank = rankOf.get(id) ?? -1;
      if (seen.has(id)) add("doubled", `${id} for ${user.name}`);
      else if (rank < lastRank || history[rank]?.position !== position) {
        add("misordered", `${id} at ${position} for ${user.name}`);
      }
      seen.add(id);
      lastRank = Math.max(lastRank, rank);
    }
    for (const id of expected) if (!seen.has(id)) add("lost", `${id} for ${user.name}`);
    if (user.refusedCount > 0) continue;
    let lastNumber = -1;
    for (const id of ids.filter(isOwn)) {
      const number = Number(id.slice(user.name.length + 1));
      if (number < lastNumber) add("misordered", `${id} after ${lastNumber}`);
      lastNumber = number;
    }
  }
  return differences;
}

const COUNTS = {
  "lost": "lostCount",
  "doubled": "doubledCount",
  "misordered": "misorderedCount",
  "other history": "otherHistoryCount",
} as const;

function seqOf({ position }: StoredMessage): number {
  return Number(position.split("-")[1]);
}
