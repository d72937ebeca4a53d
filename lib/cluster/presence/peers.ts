/** More nodes are ignored. */
const MAX_PEERS = 1000;

/** Another node that is there. */
export interface Peer {
  /** Its newest count of signs of life; undefined if it has sent none. */
  beat: number | undefined;
  /** Whether it has been asked for its members in all rooms, and has not answered. */
  isAsked: boolean;
  /** Whether it was heard since the last sweep. */
  isHeard: boolean;
  /** In how many sweeps on end it was not heard. */
  missed: number;
}

/** The other nodes that are there. */
export class Peers {
  readonly #byNode = new Map<string, Peer>();
  /** How many sweeps a node may miss. */
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

  /** Adds a node that is heard for the first time; undefined if there are too many. */
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

  /** Returns the nodes that have missed as many sweeps on end as are allowed. */
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
