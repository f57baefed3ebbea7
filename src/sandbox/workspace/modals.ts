/** The modals on each person's screen: a stack of up to three, the last one on top. */
import { type Json, textOf } from "./model.ts";

export interface Modal {
  view: Json;
  /** Block id → what the app said is wrong with it. */
  errors: Readonly<Record<string, string>>;
}

export class Modals {
  readonly #stacks = new Map<string, Modal[]>();

  /** A new modal takes the place of whatever was open. */
  open(user: string, view: Json): void {
    this.#stacks.set(user, [{ view, errors: {} }]);
  }
  push(user: string, view: Json): void {
    this.#stacks.set(user, [...this.of(user), { view, errors: {} }]);
  }
  /** Changes the view wherever it is open. */
  update(view: Json): void {
    this.#change(textOf(view.id), () => ({ view, errors: {} }));
  }
  refuse(viewId: string, errors: Record<string, string>): void {
    this.#change(viewId, (modal) => ({ ...modal, errors }));
  }
  /** Takes the top one away, or all of them. */
  close(user: string, all: boolean): void {
    this.#stacks.set(user, all ? [] : this.of(user).slice(0, -1));
  }
  of(user: string): readonly Modal[] {
    return this.#stacks.get(user) ?? [];
  }
  find(user: string, viewId: string): Modal | undefined {
    return this.of(user).find((modal) => modal.view.id === viewId);
  }

  #change(viewId: string, to: (modal: Modal) => Modal): void {
    for (const [user, stack] of this.#stacks) {
      this.#stacks.set(
        user,
        stack.map((modal) => (modal.view.id === viewId ? to(modal) : modal)),
      );
    }
  }
}
