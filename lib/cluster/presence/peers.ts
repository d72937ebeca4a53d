/** The maximum number of other nodes. */
const MAX_PEERS = 1000;

/** Another node. */
export interface Peer {
  /** The number of its newest heartbeat; undefined if it has sent none. */
  beat: number | undefined;
  /** Whether it has been asked for its members in all rooms, and has not answered. */
  isAsked: boolean;
  /** Whether it has sent something since the last sweep. */
  isHeard: boolean;
  /** In how many sweeps, one after another, it was silent. */
  missed: number;
}

/** The other nodes, until they are gone. */
export class Peers {
  readonly #byNode = new Map<string, Peer>();
  /** A node that is silent in so many sweeps is gone. */
  readonly #maxMissed: number;

  constructor(maxMissed: number) {
    this.#maxMissed = maxMissed;
  }

  get size(): number {
    return this.#byNode.size;
  }

  /** The ids of the nodes. */
  get nodes(): Iterable<string> {
    return this.#byNode.keys();
  }

  get(node: string): Peer | undefined {
    return this.#byNode.get(node);
  }

  /** Adds a new node. Returns undefined if there are too many. */
  add(node: string): Peer | undefined {
    if (this.#byNode.size >= MAX_PEERS) return undefined;
    const peer = { beat: undefined, isAsked: false, isHeard: true, missed: 0 };
    this.#byNode.set(node, peer);
    return peer;
  }

  /** Removes a node. Returns whether it was there. */
  delete(node: string): boolean {
    return this.#byNode.delete(node);
  }

  /** Counts the silent nodes, and returns those that are gone. Call it at equal intervals. */
  sweep(): string[] {
    const gone: string[] = [];
    for (const [node, peer] of this.#byNode) {
      peer.missed = peer.isHeard ? 0 : peer.missed + 1;
      peer.isHeard = false;
      if (peer.missed >= this.#maxMissed) gone.push(node);
    }
    return gone;
  }

  /** The nodes that have been asked for their members in all rooms, and have not answered. */
  get asked(): Iterable<string> {
    return this.#byNode.entries().filter(([, { isAsked }]) => isAsked).map(([node]) => node);
  }
}
