import type { SayMessage } from "./chorus_v1.ts";
import type { PublishOutcome } from "./message.ts";
import type { Room } from "./room.ts";

/** A message to publish for a client that is not in the room. */
export type Publication = Omit<SayMessage, "type"> & { readonly name: string | null };

/** The result of publishing: the message's position, or why it has none. */
export type Published =
  | {
    readonly position: string;
    /** Set if the message was published before, with the same id. */
    readonly duplicate?: true;
  }
  | "no capacity"
  | "not committed"
  | "id reused";

/**
 * Publishes a message in a room for a client that is not in it. Resolves once the message is
 * committed, or its commit has failed.
 *
 * @throws {HistoryUnavailableError} If the id cannot be looked up. Then nothing is published.
 */
export function publishIn(room: Room, { text, name, id }: Publication): Promise<Published> {
  const { promise, resolve } = Promise.withResolvers<Published>();
  const onPublished = (outcome: PublishOutcome) => {
    if (typeof outcome === "string") return resolve(outcome);
    const { seq, isDuplicate } = outcome;
    const position = room.history.positionOf(seq);
    const published = isDuplicate ? { position, duplicate: true } as const : { position };
    if (seq <= room.history.committedSeq) return resolve(published);
    room.history.awaitCommit({
      onCommitted: () => {
        const isCommitted = seq <= room.history.committedSeq;
        if (isCommitted) resolve(published);
        return !isCommitted;
      },
      onCommitFailed: () => {
        resolve("not committed");
        return false;
      },
    });
  };
  room.publishText(text, { id: null, name }, { id, onPublished });
  return promise;
}
