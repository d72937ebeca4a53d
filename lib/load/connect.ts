import { type ConnectFailure, connectFailure, handshakeTimeout } from "./connect_failure.ts";

/** How a connection ended. */
export interface Close {
  /** The close code; 1006 if the connection ended without one. */
  readonly code: number;
  readonly reason: string;
}

/** An open connection. */
export interface Connection {
  /** Resolves when the connection has ended, whoever ended it. */
  readonly closed: Promise<Close>;
  /** Sends a text message. What is sent after the connection has begun to close is dropped; the result says so. */
  send(text: string): boolean;
  /** Begins the closing handshake. */
  close(code: number): void;
}

/** What {@linkcode connect} needs beside the URL. */
export interface ConnectOptions {
  readonly timeoutMs: number;
  /** Gives the attempt up. It does nothing to an open connection. */
  readonly signal: AbortSignal;
  readonly onMessage: (data: string | ArrayBuffer) => void;
}

/** How an attempt ended: open, failed, or given up by its signal. */
export type Attempt =
  | { readonly connection: Connection }
  | { readonly failure: ConnectFailure }
  | { readonly aborted: true };

/** Opens a WebSocket. A failure is a value, as it is a result of a load run like any other. */
export function connect(url: string, options: ConnectOptions): Promise<Attempt> {
  const { timeoutMs, signal, onMessage } = options;
  if (signal.aborted) return Promise.resolve({ aborted: true });
  const socket = new WebSocket(url);
  socket.binaryType = "arraybuffer";
  const attempt = Promise.withResolvers<Attempt>();
  const closed = Promise.withResolvers<Close>();

  const end = (result: Attempt) => {
    clearTimeout(timer);
    signal.removeEventListener("abort", abort);
    attempt.resolve(result);
  };
  // The first result stands: the error event that close() makes of an unfinished handshake comes after it.
  const abort = () => {
    end({ aborted: true });
    socket.close();
  };
  const timer = setTimeout(() => {
    end({ failure: handshakeTimeout(url, timeoutMs) });
    socket.close();
  }, timeoutMs);
  signal.addEventListener("abort", abort);

  socket.onopen = () => end({ connection: open(socket, closed.promise) });
  socket.onmessage = ({ data }) => onMessage(data);
  socket.onerror = (event) => {
    end({ failure: connectFailure(url, event instanceof ErrorEvent ? event.message : "") });
  };
  socket.onclose = ({ code, reason }) => {
    // Deno reports 0 where the peer ended the connection without a close frame.
    closed.resolve({ code: code || 1006, reason });
  };
  return attempt.promise;
}

function open(socket: WebSocket, closed: Promise<Close>): Connection {
  return {
    closed,
    send: (text) => {
      if (socket.readyState !== WebSocket.OPEN) return false;
      socket.send(text);
      return true;
    },
    close: (code) => {
      if (socket.readyState === WebSocket.OPEN) socket.close(code);
    },
  };
}
