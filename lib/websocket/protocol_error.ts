/** Every way in which a peer can break RFC 6455 or a limit: the close code it is told, and why. */
const FAULTS = {
  RESERVED_BIT: [1002, "a reserved bit is set"],
  RESERVED_OPCODE: [1002, "the opcode is reserved"],
  NOT_MASKED: [1002, "a client must mask its frames"],
  MASKED: [1002, "a server must not mask its frames"],
  CONTROL_TOO_LONG: [1002, "a control frame has over 125 bytes"],
  CONTROL_FRAGMENTED: [1002, "a control frame is fragmented"],
  UNEXPECTED_CONTINUATION: [1002, "there is no message to continue"],
  UNFINISHED_MESSAGE: [1002, "the message before is not finished"],
  LENGTH_NOT_SHORTEST: [1002, "the length is not in its shortest form"],
  LENGTH_TOO_BIG: [1002, "the length is 2^53 or more"],
  CLOSE_PAYLOAD: [1002, "a close frame has one byte"],
  CLOSE_CODE: [1002, "the close code must not be sent"],
  CLOSE_REASON: [1007, "the close reason is not UTF-8"],
  TEXT: [1007, "the text is not UTF-8"],
  MESSAGE_TOO_BIG: [1009, "the message is too big"],
} as const satisfies Record<string, readonly [closeCode: number, reason: string]>;

/** A stable name for a fault, for programs. */
export type FaultCode = keyof typeof FAULTS;

/** The peer has broken the protocol. The connection ends with `closeCode` and the message as its reason. */
export class ProtocolError extends Error {
  override readonly name = "ProtocolError";
  readonly code: FaultCode;
  /** What the peer is told (RFC 6455 section 7.4.1). */
  readonly closeCode: number;

  constructor(code: FaultCode) {
    const [closeCode, reason] = FAULTS[code];
    super(reason);
    this.code = code;
    this.closeCode = closeCode;
  }
}
