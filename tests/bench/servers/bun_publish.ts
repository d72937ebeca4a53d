// Bun's own broadcast, as in its documentation: https://bun.com/docs/api/websockets#pub-sub
declare const Bun: {
  serve(options: unknown): { readonly port: number };
};

interface Socket {
  subscribe(topic: string): void;
  publish(topic: string, message: string): void;
}

const server = Bun.serve({
  port: 0,
  hostname: "127.0.0.1",
  fetch(request: Request, server: { upgrade(request: Request): boolean }) {
    if (server.upgrade(request)) return undefined;
    return new Response("This address needs a WebSocket client", { status: 426 });
  },
  websocket: {
    open(socket: Socket) {
      socket.subscribe("chat");
    },
    message(socket: Socket, message: string) {
      socket.publish("chat", message);
    },
  },
});
console.log(server.port);
