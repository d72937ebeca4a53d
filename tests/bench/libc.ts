import { getSystemErrorName } from "node:util";

/**
 * The calls of the C library for the driver's sockets.
 *
 * The driver must cost less than the server that it measures. Reading a socket through Deno takes
 * several microseconds; through `recv` and `epoll` it takes half of one. This works on Linux only,
 * with the constants of x86-64 and arm64.
 */
const { symbols: libc } = Deno.dlopen("libc.so.6", {
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  setsockopt: { parameters: ["i32", "i32", "i32", "buffer", "u32"], result: "i32" },
  getsockopt: { parameters: ["i32", "i32", "i32", "buffer", "buffer"], result: "i32" },
  connect: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  send: { parameters: ["i32", "buffer", "u32", "i32"], result: "i32" },
  recv: { parameters: ["i32", "buffer", "u32", "i32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
  open: { parameters: ["buffer", "i32"], result: "i32" },
  read: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  epoll_create1: { parameters: ["i32"], result: "i32" },
  epoll_ctl: { parameters: ["i32", "i32", "i32", "buffer"], result: "i32" },
  epoll_pwait2: { parameters: ["i32", "buffer", "i32", "buffer", "pointer"], result: "i32" },
});

const AF_INET = 2, SOCK_STREAM = 1, SOCK_NONBLOCK = 0o4000, MSG_NOSIGNAL = 0x4000;
const IPPROTO_TCP = 6, TCP_NODELAY = 1, SOL_SOCKET = 1, SO_ERROR = 4;
const EPOLL_CTL_ADD = 1, EPOLL_CTL_DEL = 2, EPOLL_CTL_MOD = 3;
const EPOLLIN = 1, EPOLLOUT = 4, EPOLLERR = 8, EPOLLHUP = 16;

/** `struct epoll_event` is packed on x86-64 only. */
const EVENT_BYTES = Deno.build.arch === "x86_64" ? 12 : 16;
const EVENT_DATA_AT = EVENT_BYTES - 8;

/** The events to wait for on a socket. Errors are always reported. */
export interface Interest {
  readonly isReading: boolean;
  readonly isWriting: boolean;
}

/**
 * Begins to connect to a port of this machine, and returns a non-blocking socket. It takes bytes
 * when it is connected. If it fails later, the poller reports that it is broken.
 *
 * A blocking call would wait for a second while the server's queue of connections is full.
 */
export function connectTo(port: number): number {
  const fd = libc.socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  if (fd < 0) throw new Error("Cannot open a socket: raise `ulimit -n`?");
  const address = new Uint8Array(16);
  new DataView(address.buffer).setUint16(0, AF_INET, true);
  address.set([port >> 8, port & 255, 127, 0, 0, 1], 2);
  libc.connect(fd, address, address.length);
  const error = errorOf(fd);
  if (error) throw new Error(`Cannot connect to port ${port}: ${error}`);
  libc.setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, new Uint8Array([1, 0, 0, 0]), 4);
  return fd;
}

/** Returns the name of a socket's error, such as `ECONNREFUSED`, and clears the error. */
export function errorOf(fd: number): string | undefined {
  const code = new Int32Array(1);
  const size = Int32Array.of(code.byteLength);
  libc.getsockopt(fd, SOL_SOCKET, SO_ERROR, code, size);
  return code[0] === 0 ? undefined : getSystemErrorName(-code[0]!);
}

/** Returns how many bytes the system took, or -1 if it takes none now. */
export function send(fd: number, bytes: Uint8Array<ArrayBuffer>): number {
  return libc.send(fd, bytes, bytes.length, MSG_NOSIGNAL);
}

/** Returns how many bytes were read: 0 at the end, -1 if there are none now. */
export function receive(fd: number, into: Uint8Array<ArrayBuffer>): number {
  return libc.recv(fd, into, into.length, 0);
}

export function close(fd: number): void {
  libc.close(fd);
}

/** Reads a text file. Deno's own functions read /proc only with all permissions. */
export function readText(path: string): string | undefined {
  const fd = libc.open(new TextEncoder().encode(`${path}\0`), 0);
  if (fd < 0) return undefined;
  const bytes = new Uint8Array(16 * 1024);
  const length = libc.read(fd, bytes, bytes.length);
  libc.close(fd);
  return new TextDecoder().decode(bytes.subarray(0, Math.max(0, length)));
}

/** Waits for events of many sockets. */
export class Poller {
  readonly #epoll = libc.epoll_create1(0);
  readonly #event = new DataView(new ArrayBuffer(EVENT_BYTES));
  readonly #events = new DataView(new ArrayBuffer(4096 * EVENT_BYTES));
  /** Seconds and nanoseconds: `struct timespec`. */
  readonly #timeout = new BigInt64Array(2);

  add(fd: number, tag: number, interest: Interest): void {
    this.#control(EPOLL_CTL_ADD, fd, tag, interest);
  }

  change(fd: number, tag: number, interest: Interest): void {
    this.#control(EPOLL_CTL_MOD, fd, tag, interest);
  }

  remove(fd: number): void {
    this.#control(EPOLL_CTL_DEL, fd, 0, { isReading: false, isWriting: false });
  }

  /**
   * Waits for at most this many milliseconds, and reports the events of each socket.
   *
   * @returns Whether there were any.
   */
  wait(
    timeoutMs: number,
    onEvent: (
      tag: number,
      what: { canRead: boolean; canWrite: boolean; isBroken: boolean },
    ) => void,
  ): boolean {
    const events = this.#events;
    const seconds = Math.floor(timeoutMs / 1000);
    this.#timeout[0] = BigInt(seconds);
    this.#timeout[1] = BigInt(Math.floor((timeoutMs - 1000 * seconds) * 1e6));
    const timeout = new Uint8Array(this.#timeout.buffer);
    const count = libc.epoll_pwait2(this.#epoll, bytesOf(events), 4096, timeout, null);
    for (let index = 0; index < count; index++) {
      const flags = events.getUint32(index * EVENT_BYTES, true);
      onEvent(events.getUint32(index * EVENT_BYTES + EVENT_DATA_AT, true), {
        canRead: (flags & EPOLLIN) !== 0,
        canWrite: (flags & EPOLLOUT) !== 0,
        isBroken: (flags & (EPOLLERR | EPOLLHUP)) !== 0,
      });
    }
    return count > 0;
  }

  #control(operation: number, fd: number, tag: number, { isReading, isWriting }: Interest): void {
    this.#event.setUint32(0, (isReading ? EPOLLIN : 0) | (isWriting ? EPOLLOUT : 0), true);
    this.#event.setUint32(EVENT_DATA_AT, tag, true);
    libc.epoll_ctl(this.#epoll, operation, fd, bytesOf(this.#event));
  }
}

function bytesOf(view: DataView<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  return new Uint8Array(view.buffer);
}
