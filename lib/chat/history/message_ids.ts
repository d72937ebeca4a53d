import type { Author } from "../message.ts";

/** The sequence numbers of messages that have an id, by author and id. */
export class MessageIds {
  /** In the order in which the ids were added, so the numbers ascend. */
  readonly #seqs = new Map<string, number>();

  /** Adds the id of a message, which must be newer than those before. */
  add(author: Author, id: string, seq: number): void {
    this.#seqs.set(keyOf(author, id), seq);
  }

  /** The message that an author published with this id. */
  seqOf(author: Author, id: string): number | undefined {
    return this.#seqs.get(keyOf(author, id));
  }

  /** Forgets the ids of messages up to a sequence number. */
  forget(upTo: number): void {
    for (const [key, seq] of this.#seqs) {
      if (seq > upTo) break;
      this.#seqs.delete(key);
    }
  }
}

function keyOf({ id: authorId }: Author, id: string): string {
  return `${authorId} ${id}`;
}
