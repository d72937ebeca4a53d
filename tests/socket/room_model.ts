import { assert } from "@std/assert";

/** What a connection has heard of a room. */
export interface Hearing {
  readonly user: string;
  /** The number of the message up to which all is well. */
  after: number;
  /** What it has heard behind that. */
  readonly heard: string[];
  /** What it has said itself, and is not to hear. */
  readonly own: ReadonlySet<string>;
  /** What it has said again, as an earlier connection may have failed to: it hears what that one did not fail to say. */
  readonly repeated: ReadonlySet<string>;
  /** The numbers of the messages that it was told it has missed. */
  readonly missed: ReadonlySet<number>;
  /** Up to which message it may miss some without a word. */
  readonly mayMissUpTo: number;
}

/** What a room is to be: a list of what was said. Whoever listens from a number on hears the list from there on. */
export class RoomModel {
  /** The message with the number 1 comes first. */
  readonly said: string[] = [];

  /** Checks that what a connection has heard is each message up to a number, once, in order. */
  check(hearing: Hearing, upTo: number): void {
    const { user, heard, own, repeated, missed, mayMissUpTo } = hearing;
    while (hearing.after < upTo) {
      const number = ++hearing.after;
      const text = this.said[number - 1]!;
      const isHeard = heard[0] === text;
      if (isHeard) heard.shift();
      const isNotForIt = own.has(text) || missed.has(number);
      const isNotSure = repeated.has(text) || number <= mayMissUpTo;
      assert(
        isNotSure || isHeard !== isNotForIt,
        `${user} has ${isHeard ? "" : "not "}heard ${number}, "${text.slice(0, 40)}"; next is ${
          heard[0]
        }`,
      );
    }
  }
}
