/** The fields of one server-sent event by name. A comment has the name "". */
export type ServerSentEvent = Readonly<Record<string, string>>;

/** A client for server-sent events that returns every field and comment. */
export class EventSource implements AsyncDisposable {
  readonly response: Response;
  readonly #reader: ReadableStreamDefaultReader<string>;
  #text = "";

  private constructor(response: Response) {
    this.response = response;
    this.#reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  }

  static async open(
    url: URL | string,
    headers: Record<string, string> = {},
    client?: Deno.HttpClient,
  ): Promise<EventSource> {
    return new EventSource(await fetch(url, { headers, ...(client && { client }) }));
  }

  /** The next event; undefined at the end. */
  async next(): Promise<ServerSentEvent | undefined> {
    for (;;) {
      const end = this.#text.indexOf("\n\n");
      if (end >= 0) {
        const lines = this.#text.slice(0, end).split("\n");
        this.#text = this.#text.slice(end + 2);
        return Object.fromEntries(lines.map((line) => line.split(/:(.*)/s).slice(0, 2)));
      }
      const { value, done } = await this.#reader.read();
      if (done) return undefined;
      this.#text += value;
    }
  }

  /** The next chat message and its id; skips other events. */
  async said(): Promise<{ id: string; text: string }> {
    for (;;) {
      const event = await this.next();
      if (!event) throw new Error("The event stream has ended");
      if (event.data !== undefined && event.event === undefined) {
        return { id: event.id!, text: JSON.parse(event.data).text };
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#reader.cancel();
  }
}
