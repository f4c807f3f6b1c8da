// Typed messages between a webview and the extension host: requests with answers or error sentences, and events.

/** A table of requests: name → what is asked and what is answered. */
export type RequestTable = Record<string, { readonly ask: unknown; readonly answer: unknown }>;
/** A table of events: name → what is told. */
export type EventTable = Record<string, unknown>;

/** What crosses the border. `lethe` marks our own messages; everything else is ignored. */
export type Envelope =
  | { readonly lethe: 'request'; readonly id: number; readonly name: string; readonly body: unknown }
  | { readonly lethe: 'answer'; readonly id: number; readonly body: unknown }
  | { readonly lethe: 'failure'; readonly id: number; readonly message: string }
  | { readonly lethe: 'event'; readonly name: string; readonly body: unknown };

/** A request that the other side could not fulfil; the message is for people. */
export class RequestFailure extends Error {
  override readonly name = 'RequestFailure';
}

/** How messages leave, and how they arrive. */
export interface Wire {
  send(envelope: Envelope): void;
  receive(listener: (message: unknown) => void): void;
}

/** The requests that one side answers. */
export type Answers<R extends RequestTable> = {
  readonly [K in keyof R]: (ask: R[K]['ask']) => Promise<R[K]['answer']> | R[K]['answer'];
};

/**
 * One end of a channel. `Mine` are the requests that this side answers, `Theirs` those it may ask; `Out` and `In` are
 * the events it tells and hears. An error while answering travels as its message.
 */
export class MessageChannelEnd<
  Mine extends RequestTable,
  Theirs extends RequestTable,
  Out extends EventTable,
  In extends EventTable,
> {
  private nextId = 1;
  private readonly waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  private readonly listeners = new Map<keyof In, ((body: never) => void)[]>();

  constructor(
    private readonly wire: Wire,
    private readonly answers: Answers<Mine>,
  ) {
    wire.receive(message => this.accept(message));
  }

  /** Asks the other side. Rejects with a RequestFailure that carries its sentence. */
  ask<K extends keyof Theirs & string>(name: K, body: Theirs[K]['ask']): Promise<Theirs[K]['answer']> {
    const id = this.nextId++;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve: resolve as (value: unknown) => void, reject });
      this.wire.send({ lethe: 'request', id, name, body });
    });
  }

  /** Tells the other side. */
  tell<K extends keyof Out & string>(name: K, body: Out[K]): void {
    this.wire.send({ lethe: 'event', name, body });
  }

  /** Listens to an event of the other side. */
  on<K extends keyof In>(name: K, listener: (body: In[K]) => void): void {
    const list = this.listeners.get(name) ?? [];
    list.push(listener as (body: never) => void);
    this.listeners.set(name, list);
  }

  private accept(message: unknown): void {
    if (!isEnvelope(message)) return;
    switch (message.lethe) {
      case 'request':
        void this.answer(message.id, message.name, message.body);
        return;
      case 'event':
        for (const listener of this.listeners.get(message.name) ?? []) listener(message.body as never);
        return;
      case 'answer':
        this.waiting.get(message.id)?.resolve(message.body);
        break;
      case 'failure':
        this.waiting.get(message.id)?.reject(new RequestFailure(message.message));
    }
    this.waiting.delete(message.id);
  }

  private async answer(id: number, name: string, body: unknown): Promise<void> {
    try {
      if (!Object.hasOwn(this.answers, name)) throw new RequestFailure(`There is no request ${name}.`);
      const handler = this.answers[name] as (ask: unknown) => unknown;
      this.wire.send({ lethe: 'answer', id, body: await handler(body) });
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      this.wire.send({ lethe: 'failure', id, message: text });
    }
  }
}

function isEnvelope(message: unknown): message is Envelope {
  if (typeof message !== 'object' || message === null || !('lethe' in message)) return false;
  const { lethe, id, name } = message as Record<string, unknown>;
  if (lethe === 'request') return typeof id === 'number' && typeof name === 'string';
  if (lethe === 'event') return typeof name === 'string';
  return (lethe === 'answer' || lethe === 'failure') && typeof id === 'number';
}
