import { once } from "node:events";
import { connect, type Socket } from "node:net";

/** A TCP connection that says what it is told, for what no HTTP client would send. */
export class RawConnection implements AsyncDisposable {
  readonly #socket: Socket;
  #received = "";
  #ended = false;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setEncoding("utf8");
    socket.on("data", (text) => (this.#received += String(text)));
    socket.on("close", () => (this.#ended = true));
    // A reset is one of the ways in which a server may end the connection.
    socket.on("error", () => undefined);
  }

  static async open(url: string): Promise<RawConnection> {
    const { hostname, port } = new URL(url);
    const socket = connect(Number(port), hostname);
    await once(socket, "connect");
    return new RawConnection(socket);
  }

  send(text: string): void {
    this.#socket.write(text);
  }

  /** Everything that came, once `until` is in it. */
  async receive(until: string): Promise<string> {
    while (!this.#received.includes(until)) {
      if (this.#ended) throw new Error(`The connection ended after ${JSON.stringify(this.#received)}`);
      await Promise.race([once(this.#socket, "data"), once(this.#socket, "close")]);
    }
    return this.#received;
  }

  /** Everything that came, once the server has ended the connection. */
  async rest(): Promise<string> {
    if (!this.#ended) await once(this.#socket, "close");
    return this.#received;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket.destroy();
    if (!this.#ended) await once(this.#socket, "close");
  }
}
