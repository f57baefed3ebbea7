/** Where people type: Enter sends, Tab or a click takes a completion. */
import { h } from "./dom.js";

/** Proposals for what was typed so far; pure. `know`: { commands, completions, bot, people } */
export function proposals(text, know) {
  const lower = text.toLowerCase();
  if (lower.startsWith("/")) {
    return know.completions
      .filter(
        (one) =>
          one.usage.toLowerCase().startsWith(lower) ||
          fixedPart(one.usage).toLowerCase().startsWith(lower.trimEnd()),
      )
      .slice(0, 8)
      .map((one) => ({ shown: one.usage, help: one.help, insert: fixedPart(one.usage) }));
  }
  const call = `@${know.bot} `;
  if (lower.startsWith(call)) {
    const rest = lower.slice(call.length);
    return know.completions
      .map((one) => ({ ...one, words: one.usage.replace(/^\/\S+\s*/, "") }))
      .filter((one) => one.words !== "" && one.words.toLowerCase().startsWith(rest))
      .slice(0, 8)
      .map((one) => ({ shown: call + one.words, help: one.help, insert: call + fixedPart(one.words) }));
  }
  const mention = /(?:^|\s)@([a-z0-9._-]*)$/i.exec(text);
  if (!mention) return [];
  const start = text.length - mention[1].length;
  return know.people
    .filter((one) => one.name.startsWith(mention[1].toLowerCase()))
    .slice(0, 8)
    .map((one) => ({
      shown: `@${one.name}`,
      help: one.realName,
      insert: `${text.slice(0, start)}${one.name} `,
    }));
}

/** `/ops rollout start <service>` → `/ops rollout start `: what can be put in as it stands. */
function fixedPart(usage) {
  const hole = usage.search(/[<[(…|·]/);
  return hole < 0 ? usage : `${usage.slice(0, hole).trimEnd()} `;
}

export class Composer {
  #form;
  #field;
  #list;
  #know = () => ({ commands: [], completions: [], bot: "", people: [] });
  #chosen = -1;
  #offers = [];

  constructor(form, label, send) {
    this.#form = form;
    const listId = `${form.id}-list`;
    this.#field = h("textarea", {
      rows: 1,
      "aria-label": label,
      "aria-autocomplete": "list",
      "aria-controls": listId,
      autocomplete: "off",
      spellcheck: "true",
    });
    this.#list = h("div", { className: "offers", id: listId, role: "listbox", hidden: true });
    form.append(
      this.#list,
      this.#field,
      h("button", { type: "submit", className: "btn primary send", "aria-label": "Send" }, "➤"),
    );
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      void this.#submit(send);
    });
    this.#field.addEventListener("input", () => this.#offer());
    this.#field.addEventListener("blur", () => setTimeout(() => this.#hide(), 150));
    this.#field.addEventListener("keydown", (event) => this.#key(event));
  }

  know(read) {
    this.#know = read;
  }
  placeholder(text) {
    this.#field.placeholder = text;
  }
  fill(text) {
    this.#field.value = text;
    this.#field.focus();
    this.#grow();
    this.#hide();
  }

  async #submit(send) {
    const text = this.#field.value;
    if (text.trim() === "") return;
    this.#field.value = "";
    this.#grow();
    this.#hide();
    const isTaken = await send(text);
    if (!isTaken && this.#field.value === "") this.#field.value = text;
  }

  #key(event) {
    const isOpen = !this.#list.hidden && this.#offers.length > 0;
    if (isOpen && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
      event.preventDefault();
      const step = event.key === "ArrowDown" ? 1 : -1;
      this.#chosen = (this.#chosen + step + this.#offers.length) % this.#offers.length;
      this.#mark();
    } else if (isOpen && (event.key === "Tab" || (event.key === "Enter" && this.#chosen >= 0))) {
      event.preventDefault();
      this.#take(Math.max(0, this.#chosen));
    } else if (isOpen && event.key === "Escape") {
      this.#hide();
    } else if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      this.#form.requestSubmit();
    }
  }

  #offer() {
    this.#grow();
    this.#offers = proposals(this.#field.value, this.#know());
    this.#chosen = -1;
    this.#list.replaceChildren(
      ...this.#offers.map((one, index) =>
        h(
          "div",
          {
            role: "option",
            className: "offer",
            onpointerdown: (event) => {
              event.preventDefault();
              this.#take(index);
            },
          },
          h("span", { className: "offer-usage" }, one.shown),
          h("span", { className: "offer-help" }, one.help),
        ),
      ),
    );
    this.#list.hidden = this.#offers.length === 0;
  }

  #take(index) {
    const offer = this.#offers[index];
    if (!offer) return;
    this.#field.value = offer.insert;
    this.#hide();
    this.#field.focus();
    this.#grow();
  }
  #mark() {
    for (const [index, node] of [...this.#list.children].entries()) {
      node.classList.toggle("chosen", index === this.#chosen);
      node.setAttribute("aria-selected", String(index === this.#chosen));
    }
  }
  #hide() {
    this.#list.hidden = true;
    this.#chosen = -1;
  }
  #grow() {
    this.#field.rows = Math.min(6, this.#field.value.split("\n").length);
  }
}
