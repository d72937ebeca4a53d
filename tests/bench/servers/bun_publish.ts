// Bun's own broadcast, as in its documentation: https://bun.com/docs/api/websockets#pub-sub
declare const Bun: {
  serve(options: unknown): { readonly port: number };
};

interface Socket {
  readonly data: { readonly room: string };
  subscribe(topic: string): void;
  publish(topic: string, message: string): void;
}

interface Server {
  upgrade(request: Request, options: { data: Socket["data"] }): boolean;
}

const server = Bun.serve({
  port: 0,
  hostname: "127.0.0.1",
  fetch(request: Request, server: Server) {
    const room = new URL(request.url).searchParams.get("room") ?? "lobby";
    if (server.upgrade(request, { data: { room } })) return undefined;
    return new Response("This address needs a WebSocket client", { status: 426 });
  },
  websocket: {
    open(socket: Socket) {
      socket.subscribe(socket.data.room);
    },
    message(socket: Socket, message: string) {
      socket.publish(socket.data.room, message);
    },
  },
});
console.log(server.port);
